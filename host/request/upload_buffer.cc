#include "host/request/upload_buffer.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <sys/mman.h>
#include <utility>

namespace serval::host {
namespace {

constexpr std::size_t kStep = 1u << 20;

Error no_memory(std::size_t bytes) {
  return error(Code::unavailable,
               "there is no memory for an upload of " + std::to_string(bytes) + " bytes");
}

}  // namespace

Result<std::shared_ptr<UploadBuffer>> UploadBuffer::reserve(std::size_t most) {
  void* const data = mmap(nullptr, std::max<std::size_t>(most, 1), PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED) return no_memory(most);
  return std::shared_ptr<UploadBuffer>(new UploadBuffer(static_cast<char*>(data), most));
}

UploadBuffer::~UploadBuffer() { munmap(data_, std::max<std::size_t>(most_, 1)); }

Status UploadBuffer::append(std::string_view bytes) {
  const std::size_t size = size_.load(std::memory_order_relaxed);
  const std::size_t end = size + bytes.size();
  if (end > usable_) {
    const std::size_t usable = std::min(most_, (end + kStep - 1) / kStep * kStep);
    if (mprotect(data_, usable, PROT_READ | PROT_WRITE) != 0) return no_memory(end);
    usable_ = usable;
  }
  std::memcpy(data_ + size, bytes.data(), bytes.size());
  size_.store(end, std::memory_order_release);
  tell(end, false);
  return {};
}

void UploadBuffer::complete() {
  complete_.store(true, std::memory_order_release);
  tell(0, true);
}

// Calls the reader if that is what it waits for.
void UploadBuffer::tell(std::size_t size, bool complete) {
  std::unique_lock lock(mutex_);
  if (wanted_ == 0 || (size < wanted_ && !complete)) return;
  wanted_ = 0;
  const auto arrived = arrived_;
  lock.unlock();
  if (arrived) (*arrived)();
}

UploadBuffer::View UploadBuffer::view() const {
  const bool complete = complete_.load(std::memory_order_acquire);  // first: then the size is all
  return {{data_, size_.load(std::memory_order_acquire)}, complete};
}

UploadBuffer::View UploadBuffer::view(std::size_t wanted) {
  const std::lock_guard lock(mutex_);  // the writer tells behind its change: none is missed
  const View seen = view();
  wanted_ = seen.bytes.size() < wanted && !seen.complete ? wanted : 0;
  return seen;
}

void UploadBuffer::on_arrived(Callback arrived) {
  auto made = arrived ? std::make_shared<const Callback>(std::move(arrived)) : nullptr;
  const std::lock_guard lock(mutex_);
  arrived_.swap(made);
}

}  // namespace serval::host
