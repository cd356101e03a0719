// One thread that ends what has run out of time, in all queues.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace serval::host {

class ModelQueue;

// Thread-safe. Runs no plugin code, so a plugin that hangs does not hold up deadlines.
class Ticker {
 public:
  Ticker();
  ~Ticker();

  void add(std::weak_ptr<ModelQueue> queue);
  void poke(uint64_t due_ns);  // something falls due then

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::weak_ptr<ModelQueue>> queues_;
  uint64_t wake_at_ = 0;  // on now_ns()'s clock
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace serval::host
