// Reads little-endian numbers and strings from a span, never past its end.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace serval {

static_assert(std::endian::native == std::endian::little, "file formats are read in place");

// After the first read past the end every read gives zero and overrun() stays true, so a caller may
// read a whole record and check once.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <class T>
  T read() {
    static_assert(std::is_trivially_copyable_v<T>);
    T value{};
    const std::span<const std::byte> from = take(sizeof(T));
    if (!from.empty()) std::memcpy(&value, from.data(), sizeof(T));
    return value;
  }

  // Empty if fewer than `count` bytes are left.
  std::span<const std::byte> take(uint64_t count) {
    if (overrun_ || count > left()) {
      overrun_ = true;
      return {};
    }
    const auto taken = bytes_.subspan(position_, count);
    position_ += count;
    return taken;
  }

  std::string_view take_text(uint64_t count) {
    const auto taken = take(count);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }

  uint64_t position() const { return position_; }
  uint64_t left() const { return bytes_.size() - position_; }
  bool overrun() const { return overrun_; }

 private:
  std::span<const std::byte> bytes_;
  uint64_t position_ = 0;
  bool overrun_ = false;
};

}  // namespace serval
