// A file mapped read-only into memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "common/result.h"

namespace serval {

// What the file system says about a file's content. A file with an equal stamp later on holds the
// same bytes, unless somebody turned the clock back or wrote within the clock's last tick.
struct FileStamp {
  uint64_t device = 0, inode = 0, bytes = 0;
  int64_t written_ns = 0, changed_ns = 0;  // last write, and last change of anything; Unix time

  bool operator==(const FileStamp&) const = default;
};

// Of the file that is there now. Errors: not_found, failed_precondition.
Result<FileStamp> stamp_of(const std::filesystem::path& path);

// Owns the mapping; bytes() stays valid until destruction. Movable, thread-safe to read.
// A file that shrinks while mapped makes reads fault: model files must be replaced, not rewritten.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::filesystem::path& path);
  // The whole file behind fd, which stays the caller's. name: for errors.
  static Result<MappedFile> map(int fd, const std::string& name);

  MappedFile() = default;  // of no bytes
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  // As it was when the file was mapped.
  const FileStamp& stamp() const { return stamp_; }

 private:
  MappedFile(const std::byte* data, const FileStamp& stamp)
      : data_(data), size_(std::size_t(stamp.bytes)), stamp_(stamp) {}

  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  FileStamp stamp_;
};

// Gives the whole pages of a part of a mapped file back; they are read again when they are touched.
// For bytes that have been copied elsewhere and will not be needed soon.
void drop_pages(std::span<const std::byte> part);

}  // namespace serval
