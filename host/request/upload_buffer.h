// An upload in memory while it arrives: in one piece that never moves, so that whoever reads what
// has come needs neither a copy nor a lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>

#include "common/result.h"

namespace serval::host {

// One writer; readers on any thread. What has arrived never changes.
class UploadBuffer {
 public:
  using Callback = std::function<void()>;

  // Addresses for `most` bytes, which become memory as bytes come. unavailable: the system has
  // none.
  static Result<std::shared_ptr<UploadBuffer>> reserve(std::size_t most);
  ~UploadBuffer();
  UploadBuffer(const UploadBuffer&) = delete;
  UploadBuffer& operator=(const UploadBuffer&) = delete;

  // --- the writer ---
  // unavailable: there is no memory for them. REQUIRES: no more than `most` in all, not complete
  Status append(std::string_view bytes);
  void complete();

  // --- the readers ---
  struct View {
    std::string_view bytes;  // live as long as the buffer
    bool complete = false;
  };
  View view() const;
  // As view; if there are fewer than `wanted` bytes and more may come, `on_arrived` runs once when
  // there are so many, or all. One reader at a time.
  View view(std::size_t wanted);
  // On the writer's thread, briefly, without locks held. It may still run once after it was
  // replaced, so it owns what it uses.
  void on_arrived(Callback arrived);

 private:
  UploadBuffer(char* data, std::size_t most) : data_(data), most_(most) {}
  void tell(std::size_t size, bool complete);

  char* const data_;
  const std::size_t most_;
  std::size_t usable_ = 0;  // bytes that may be written
  std::atomic<std::size_t> size_{0};
  std::atomic<bool> complete_{false};

  std::mutex mutex_;
  std::size_t wanted_ = 0;  // bytes that the reader waits for; 0: it does not
  std::shared_ptr<const Callback> arrived_;
};

}  // namespace serval::host
