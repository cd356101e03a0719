// Places in a text, from bytes to Unicode code points.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace serval::tok {

class CharOffsets {
 public:
  explicit CharOffsets(std::string_view text);

  // Characters that start before this byte. REQUIRES: byte <= text.size()
  uint32_t at(std::size_t byte) const;

 private:
  static constexpr std::size_t kBlock = 64;

  std::string_view text_;
  std::vector<uint32_t> blocks_;  // characters before each block of bytes; empty: all is ASCII
};

}  // namespace serval::tok
