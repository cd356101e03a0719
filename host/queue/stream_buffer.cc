#include "host/queue/stream_buffer.h"

#include <algorithm>
#include <utility>

namespace serval::host {

StreamBuffer::Push StreamBuffer::push(Event& event) {
  const uint64_t size = cost(event);
  Lock lock(mutex_);
  if (finish_ || discarded_) return Push::closed;
  if (!events_.empty() && bytes_ + size > limits_.high_bytes) {
    // Wait for the low mark, or for less if this very event would still not fit then.
    const uint64_t fits = size < limits_.high_bytes ? limits_.high_bytes - size : 0;
    resume_at_ = std::min(limits_.low_bytes, fits);
    if (parked_since_ns_ != 0) return Push::refused;
    parked_since_ns_ = std::max<uint64_t>(event.emitted_ns, 1);
    return Push::parked;
  }
  bytes_ += size;
  events_.push_back(std::move(event));
  notify(lock);
  return Push::taken;
}

bool StreamBuffer::finish(Finish finish) {
  Lock lock(mutex_);
  if (finish_) return false;
  finish_ = std::move(finish);
  const bool was_parked = std::exchange(parked_since_ns_, 0) != 0;
  notify(lock);
  return was_parked;
}

bool StreamBuffer::unpark() {
  Lock lock(mutex_);
  return std::exchange(parked_since_ns_, 0) != 0;
}

void StreamBuffer::discard() {
  std::deque<Event> dropped;  // freed without the lock
  Lock lock(mutex_);
  discarded_ = true;
  bytes_ = 0;
  dropped.swap(events_);
  lock.unlock();
}

std::optional<Event> StreamBuffer::pop(bool& writable) {
  writable = false;
  Lock lock(mutex_);
  if (events_.empty()) {
    armed_ = true;
    return std::nullopt;
  }
  std::optional<Event> event(std::move(events_.front()));
  events_.pop_front();
  bytes_ -= cost(*event);
  if (parked_since_ns_ != 0 && bytes_ <= resume_at_) {
    parked_since_ns_ = 0;
    writable = true;
  }
  return event;
}

std::optional<Finish> StreamBuffer::finish() const {
  Lock lock(mutex_);
  return finish_;
}

uint64_t StreamBuffer::parked_since_ns() const {
  Lock lock(mutex_);
  return parked_since_ns_;
}

uint64_t StreamBuffer::bytes() const {
  Lock lock(mutex_);
  return bytes_;
}

void StreamBuffer::on_ready(std::function<void()> ready) {
  Lock lock(mutex_);
  if (ready) {
    ready_ = std::make_shared<const std::function<void()>>(std::move(ready));
    if (!events_.empty() || finish_) {
      armed_ = true;
      notify(lock);
    }
    return;
  }
  const auto old = std::exchange(ready_, nullptr);
  again_ = false;
  // After this returns the callback does not run any more, unless it is what called here.
  if (caller_ != std::this_thread::get_id()) called_.wait(lock, [this] { return !calling_; });
  lock.unlock();
}

void StreamBuffer::notify(Lock& lock) {
  if (!armed_ || !ready_) return;  // without a callback it stays armed: on_ready() looks itself
  armed_ = false;
  if (calling_) {
    again_ = true;
    return;
  }
  calling_ = true;
  caller_ = std::this_thread::get_id();
  do {
    again_ = false;
    auto ready = ready_;
    lock.unlock();
    if (ready) (*ready)();
    ready.reset();
    lock.lock();
  } while (again_);
  calling_ = false;
  caller_ = {};
  called_.notify_all();
}

}  // namespace serval::host
