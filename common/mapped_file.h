// A file mapped read-only into memory.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "common/result.h"

namespace serval {

// Owns the mapping; bytes() stays valid until destruction. Movable, thread-safe to read.
// A file that shrinks while mapped makes reads fault: model files must be replaced, not rewritten.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::filesystem::path& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  MappedFile(const std::byte* data, std::size_t size) : data_(data), size_(size) {}

  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// Gives the whole pages of a part of a mapped file back; they are read again when they are touched. For
// bytes that have been copied elsewhere and will not be needed soon.
void drop_pages(std::span<const std::byte> part);

}  // namespace serval
