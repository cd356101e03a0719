#include "host/models/signal_thread.h"

namespace serval::host {

SignalThread::SignalThread(Deliver deliver)
    : deliver_(std::move(deliver)), thread_([this] { run(); }) {}

void SignalThread::stop() {
  {
    std::lock_guard lock(mutex_);
    if (stop_) return;
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void SignalThread::send(uint32_t kind, uint64_t request_id) {
  {
    std::lock_guard lock(mutex_);
    if (stop_) return;
    waiting_.emplace_back(kind, request_id);
  }
  changed_.notify_one();
}

void SignalThread::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
    if (stop_) return;
    std::deque<std::pair<uint32_t, uint64_t>> batch;
    batch.swap(waiting_);
    lock.unlock();
    for (const auto& [kind, id] : batch) deliver_(kind, id);
    lock.lock();
  }
}

}  // namespace serval::host
