#include "common/aligned_memory.h"

#include <string>
#include <sys/mman.h>
#include <utility>

namespace serval {

Result<AlignedMemory> AlignedMemory::allocate(std::size_t bytes) {
  if (bytes == 0) return AlignedMemory();
  void* data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED)
    return error(Code::resource_exhausted,
                 "cannot get " + std::to_string(bytes) + " bytes of memory");
  ::madvise(data, bytes, MADV_HUGEPAGE);  // a wish; refused on some systems
  return AlignedMemory(static_cast<std::byte*>(data), bytes);
}

AlignedMemory::AlignedMemory(AlignedMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

AlignedMemory& AlignedMemory::operator=(AlignedMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

AlignedMemory::~AlignedMemory() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

}  // namespace serval
