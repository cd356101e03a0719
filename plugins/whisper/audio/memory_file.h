// Bytes in memory with a position, as C libraries read files. They may still be arriving.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string_view>

namespace serval::whisper {

// A file as far as it has come.
struct FileBytes {
  std::string_view bytes;
  bool complete = true;
};

class MemoryFile {
 public:
  // Longer than any file.
  static constexpr int64_t kEndless = int64_t{1} << 40;

  // told: the length that is told instead of the true one, so that whoever reads forwards does the
  // same with a file that is not complete; -1: the true one.
  explicit MemoryFile(FileBytes file, int64_t told = -1) : file_(file), told_(told) {}

  // More has come, at the same place.
  void grow(FileBytes file) { file_ = file; }
  // From here on the file seems to be empty.
  void hide_from(int64_t offset) { hidden_ = offset; }

  int64_t size() const { return told_ >= 0 ? told_ : arrived(); }
  bool tells_true() const { return told_ < 0; }
  int64_t position() const { return position_; }
  std::string_view bytes() const { return file_.bytes; }  // that have come
  int64_t arrived() const { return int64_t(file_.bytes.size()); }
  bool complete() const { return file_.complete; }
  // A read wanted what has not come, and got less. What was made of it is worth nothing.
  bool starved() const { return starved_; }

  // from: SEEK_SET, SEEK_CUR or SEEK_END. The new position, which never passes a true end; -1, and
  // no move, for one before the beginning.
  int64_t seek(int64_t offset, int from) {
    const int64_t base = from == SEEK_SET ? 0 : from == SEEK_CUR ? position_ : size();
    int64_t target = 0;
    if (__builtin_add_overflow(base, offset, &target) || target < 0) return -1;
    return position_ = tells_true() ? std::min(target, size()) : target;
  }

  // The number of bytes read, 0 at the end.
  int64_t read(void* out, int64_t count) {
    if (position_ >= hidden_) return 0;
    const int64_t there = std::max(arrived() - position_, int64_t{0});
    const int64_t got = std::clamp(count, int64_t{0}, there);
    starved_ = starved_ || (!file_.complete && got < count);
    if (got > 0)
      file_.bytes.copy(static_cast<char*>(out), std::size_t(got), std::size_t(position_));
    position_ += got;
    return got;
  }

 private:
  FileBytes file_;
  int64_t told_;
  bool starved_ = false;
  int64_t position_ = 0;
  int64_t hidden_ = kEndless;
};

}  // namespace serval::whisper
