// SHA-256 (FIPS 180-4), with the processor's SHA instructions where it has them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace serval {

using Digest = std::array<uint8_t, 32>;

class Sha256 {
 public:
  void add(std::span<const std::byte> bytes);
  void add(std::string_view text) { add(std::as_bytes(std::span(text))); }
  void add(const Digest& digest) { add(std::as_bytes(std::span(digest))); }
  // Ends the message; the object must not be used afterwards.
  Digest finish();

  // false: the portable code even where there are SHA instructions; for tests.
  explicit Sha256(bool hardware = true);

 private:
  using Blocks = void (*)(uint32_t* state, const std::byte* data, std::size_t blocks);

  Blocks blocks_;
  std::array<uint32_t, 8> state_;
  std::array<std::byte, 64> pending_{};
  std::size_t pending_bytes_ = 0;
  uint64_t bytes_ = 0;
};

// Lower-case hexadecimal.
std::string hex(const Digest& digest);

}  // namespace serval
