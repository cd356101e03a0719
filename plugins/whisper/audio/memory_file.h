// Bytes in memory with a position, as C libraries read files.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string_view>

namespace serval::whisper {

class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : bytes_(bytes) {}

  int64_t size() const { return int64_t(bytes_.size()); }
  int64_t position() const { return position_; }

  // from: SEEK_SET, SEEK_CUR or SEEK_END. The new position, which never passes the end; -1, and no
  // move, for one before the beginning.
  int64_t seek(int64_t offset, int from) {
    const int64_t base = from == SEEK_SET ? 0 : from == SEEK_CUR ? position_ : size();
    int64_t target = 0;
    if (__builtin_add_overflow(base, offset, &target) || target < 0) return -1;
    return position_ = std::min(target, size());
  }

  // The number of bytes read, 0 at the end.
  int64_t read(void* out, int64_t count) {
    const int64_t got = std::clamp(count, int64_t{0}, size() - position_);
    bytes_.copy(static_cast<char*>(out), std::size_t(got), std::size_t(position_));
    position_ += got;
    return got;
  }

 private:
  std::string_view bytes_;
  int64_t position_ = 0;
};

}  // namespace serval::whisper
