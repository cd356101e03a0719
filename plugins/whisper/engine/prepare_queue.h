// Windows on their way from a request's bytes to mel: a queue that threads of its own work off
// while the engine's thread computes, and that the engine's thread works off itself when it has
// nothing else.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "plugins/whisper/engine/window_reader.h"

namespace serval::whisper {

// One window of a request's audio is to be read.
struct PrepareTask {
  uint64_t request = 0;
  int index = 0;                   // of the window
  int priority = 0;                // lower goes first
  WindowReader* reader = nullptr;  // no other task has it; it lives until the task is taken back
  AudioWindow window;
  Result<WindowReader::Next> done = WindowReader::Next::wait;  // what came of it
};

// All functions: the engine's thread only.
class PrepareQueue {
 public:
  explicit PrepareQueue(int threads);
  ~PrepareQueue();
  PrepareQueue(const PrepareQueue&) = delete;
  PrepareQueue& operator=(const PrepareQueue&) = delete;

  // The engine bounds what it pushes. wake: a thread shall begin at once; else the engine's thread
  // will help.
  void push(PrepareTask task, bool wake);
  // Does one task here. False: none is queued.
  bool help();
  // Until a task that another thread works on is done. REQUIRES: one is unfinished.
  void wait();
  // So long at most.
  void wait(std::chrono::milliseconds most);
  // Tasks done since the last call.
  void take_done(std::vector<PrepareTask>& out);
  // The task of a request is queued no longer, and no thread works on it.
  void remove(uint64_t request);

 private:
  void work();
  // The first queued task, with the lock given up meanwhile. REQUIRES: there is one.
  void prepare_next(std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::condition_variable queued_signal_, done_signal_;
  std::deque<PrepareTask> queued_;
  std::vector<uint64_t> under_way_;
  std::vector<PrepareTask> done_;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace serval::whisper
