// Compute threads for kernels: many short parallel phases a second.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <type_traits>
#include <vector>

namespace serval {

// What a setting of so many threads means; 0: as many as the machine has cores.
int thread_count(int setting);

// Each thread has its own run of neighbouring chunks, so that it reads memory in one stream; with
// those done it takes what is left of the others' runs. The caller is one of the threads, so a
// worker that the system has descheduled delays a phase by at most the chunk it holds. Waiting
// threads spin for some microseconds and then sleep. When a phase had to wait long for a worker (a
// busy neighbour process), the pool works without its workers for a while and then tries them
// again.
//
// One run() at a time; run() must not be called from inside a chunk.
class ThreadPool {
 public:
  // threads: how many work in one phase, the caller included; at least 1.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return int(workers_.size()) + 1; }

  // Calls body(chunk) once for each chunk in [0, chunks), on any of the threads; returns when all
  // are done. Everything the chunks wrote is visible to the caller afterwards.
  template <class Body>
  void run(int chunks, Body&& body) {
    using Plain = std::remove_reference_t<Body>;
    run_erased(
        chunks, [](void* self, int chunk) { (*static_cast<Plain*>(self))(chunk); },
        const_cast<void*>(static_cast<const void*>(&body)));
  }

 private:
  using Function = void (*)(void*, int);

  void run_erased(int chunks, Function function, void* self);
  void work(int thread);
  // Runs what is left of the phase, the thread's own chunks first; returns how many.
  int claim_chunks(uint64_t phase, int thread);

  std::vector<std::thread> workers_;
  std::atomic<bool> stop_{false};

  // The next chunk of one thread's run, below the number of the phase; on a cache line of its own.
  struct alignas(64) Claim {
    std::atomic<uint64_t> word{0};
  };

  // A phase is published by its number in phase_ (futex word); the claim words hold the number too,
  // so that a late worker can never claim from a phase it has not read.
  std::atomic<uint32_t> phase_{0};
  std::vector<Claim> claims_;  // [threads]
  std::atomic<int> chunks_{0};
  std::atomic<Function> function_{nullptr};
  std::atomic<void*> self_{nullptr};
  std::atomic<int> done_{0};
  std::atomic<int> sleepers_{0};

  uint64_t alone_until_ns_ = 0;  // caller's: no workers before this time
  uint64_t alone_for_ns_ = 0;    // how long the last such pause was
};

}  // namespace serval
