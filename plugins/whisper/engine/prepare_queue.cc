#include "plugins/whisper/engine/prepare_queue.h"

#include <algorithm>
#include <tuple>

namespace serval::whisper {

PrepareQueue::PrepareQueue(int threads) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

PrepareQueue::~PrepareQueue() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  queued_signal_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void PrepareQueue::prepare_next(std::unique_lock<std::mutex>& lock) {
  PrepareTask task = std::move(queued_.front());
  queued_.pop_front();
  under_way_.push_back(task.request);
  lock.unlock();
  task.done = task.reader->next(task.window);
  lock.lock();
  std::erase(under_way_, task.request);
  done_.push_back(std::move(task));
}

void PrepareQueue::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    queued_signal_.wait(lock, [&] { return stop_ || !queued_.empty(); });
    if (stop_) return;
    prepare_next(lock);
    done_signal_.notify_all();
  }
}

void PrepareQueue::push(PrepareTask task, bool wake) {
  {
    const std::lock_guard lock(mutex_);
    const auto key = [](const PrepareTask& t) { return std::tuple(t.priority, t.index); };
    const auto place = std::upper_bound(
        queued_.begin(), queued_.end(), task,
        [&](const PrepareTask& a, const PrepareTask& b) { return key(a) < key(b); });
    queued_.insert(place, std::move(task));
  }
  if (wake) queued_signal_.notify_one();
}

bool PrepareQueue::help() {
  std::unique_lock lock(mutex_);
  if (queued_.empty()) return false;
  prepare_next(lock);
  return true;
}

void PrepareQueue::wait() {
  std::unique_lock lock(mutex_);
  done_signal_.wait(lock, [&] { return !done_.empty(); });
}

void PrepareQueue::wait(std::chrono::milliseconds most) {
  std::unique_lock lock(mutex_);
  done_signal_.wait_for(lock, most, [&] { return !done_.empty(); });
}

void PrepareQueue::take_done(std::vector<PrepareTask>& out) {
  out.clear();
  const std::lock_guard lock(mutex_);
  out.swap(done_);
}

void PrepareQueue::remove(uint64_t request) {
  const auto is_its = [&](const PrepareTask& task) { return task.request == request; };
  std::unique_lock lock(mutex_);
  std::erase_if(queued_, is_its);
  done_signal_.wait(lock, [&] {
    return std::find(under_way_.begin(), under_way_.end(), request) == under_way_.end();
  });
  std::erase_if(done_, is_its);
}

}  // namespace serval::whisper
