// Large zeroed memory straight from the system, 4 KiB aligned, in huge pages where the system has
// them.
#pragma once

#include <cstddef>

#include "common/result.h"

namespace serval {

// Pages that are never touched cost nothing. Movable, owns its mapping.
class AlignedMemory {
 public:
  static Result<AlignedMemory> allocate(std::size_t bytes);

  AlignedMemory() = default;
  AlignedMemory(AlignedMemory&& other) noexcept;
  AlignedMemory& operator=(AlignedMemory&& other) noexcept;
  ~AlignedMemory();

  std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  AlignedMemory(std::byte* data, std::size_t size) : data_(data), size_(size) {}

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace serval
