#include "common/thread_pool.h"

#include <algorithm>
#include <ctime>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace serval {
namespace {

constexpr uint64_t kSpinNs = 30'000;    // then a waiting worker sleeps
constexpr uint64_t kStallNs = 400'000;  // waiting this much longer than a chunk takes is a stall
constexpr uint64_t kFirstPauseNs = 2'000'000;
constexpr uint64_t kLongestPauseNs = 64'000'000;

uint64_t clock_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return uint64_t(now.tv_sec) * 1'000'000'000u + uint64_t(now.tv_nsec);
}

// Where the run of chunks that is thread `run`'s own begins.
int first_chunk(int run, int chunks, int runs) { return int(int64_t{chunks} * run / runs); }

void pause_cpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

void futex_wait(std::atomic<uint32_t>& word, uint32_t seen) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr,
          0);
}

void futex_wake_all(std::atomic<uint32_t>& word) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAKE_PRIVATE, INT32_MAX, nullptr,
          nullptr, 0);
}

}  // namespace

int thread_count(int setting) {
  return setting > 0 ? setting : std::max(int(std::thread::hardware_concurrency()), 1);
}

ThreadPool::ThreadPool(int threads) : claims_(std::size_t(threads)) {
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { work(i); });
}

ThreadPool::~ThreadPool() {
  stop_.store(true);
  phase_.fetch_add(1);
  futex_wake_all(phase_);
  for (std::thread& worker : workers_) worker.join();
}

int ThreadPool::claim_chunks(uint64_t phase, int thread) {
  const int chunks = chunks_.load(std::memory_order_relaxed);
  const Function function = function_.load(std::memory_order_relaxed);
  void* self = self_.load(std::memory_order_relaxed);
  // The fields above belong to `phase` if a claim made with its number succeeds: they change only
  // after every chunk of a phase is done.
  const int runs = int(claims_.size());
  int ran = 0;
  for (int i = 0; i < runs; ++i) {
    const int run = (thread + i) % runs;
    const int end = first_chunk(run + 1, chunks, runs);
    std::atomic<uint64_t>& claim = claims_[std::size_t(run)].word;
    uint64_t seen = claim.load(std::memory_order_acquire);
    while ((seen >> 32) == phase && int(uint32_t(seen)) < end) {
      if (!claim.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel)) continue;
      function(self, int(uint32_t(seen)));
      ++ran;
      seen = claim.load(std::memory_order_acquire);
    }
  }
  if (ran > 0) done_.fetch_add(ran, std::memory_order_acq_rel);
  return ran;
}

void ThreadPool::work(int thread) {
  uint32_t seen = 0;
  while (true) {
    uint32_t now = phase_.load(std::memory_order_acquire);
    if (now == seen) {
      const uint64_t until = clock_ns() + kSpinNs;
      for (int i = 1; (now = phase_.load(std::memory_order_acquire)) == seen; ++i) {
        pause_cpu();
        if (i % 64 == 0 && clock_ns() > until) break;
      }
    }
    if (now == seen) {
      sleepers_.fetch_add(1);
      while ((now = phase_.load()) == seen) futex_wait(phase_, seen);
      sleepers_.fetch_sub(1);
    }
    if (stop_.load()) return;
    seen = now;
    claim_chunks(now, thread);
  }
}

void ThreadPool::run_erased(int chunks, Function function, void* self) {
  if (chunks <= 0) return;
  if (workers_.empty() || chunks == 1 || (alone_until_ns_ != 0 && clock_ns() < alone_until_ns_)) {
    for (int i = 0; i < chunks; ++i) function(self, i);
    return;
  }
  // Order matters: nobody can claim while the claim word still holds the old number.
  const uint32_t phase = phase_.load(std::memory_order_relaxed) + 1;
  const int runs = int(claims_.size());
  for (Claim& claim : claims_)
    claim.word.store(uint64_t(uint32_t(phase - 1)) << 32 | UINT32_MAX >> 1,
                     std::memory_order_release);
  done_.store(0, std::memory_order_relaxed);
  chunks_.store(chunks, std::memory_order_relaxed);
  function_.store(function, std::memory_order_relaxed);
  self_.store(self, std::memory_order_relaxed);
  for (int i = 0; i < runs; ++i)
    claims_[std::size_t(i)].word.store(
        uint64_t(phase) << 32 | uint32_t(first_chunk(i, chunks, runs)), std::memory_order_release);
  phase_.store(phase);
  if (sleepers_.load() > 0) futex_wake_all(phase_);

  const uint64_t begin = clock_ns();
  const int ran = claim_chunks(phase, 0);
  if (done_.load(std::memory_order_acquire) == chunks) return;

  // A worker in the middle of its last chunk is no stall: allow for a few chunks of the caller's
  // length.
  const uint64_t start = clock_ns();
  const uint64_t patience = kStallNs + (ran > 0 ? 3 * (start - begin) / uint64_t(ran) : 0);
  bool stalled = false;
  for (int i = 1; done_.load(std::memory_order_acquire) != chunks; ++i) {
    pause_cpu();
    if (i % 64 != 0) continue;
    if (clock_ns() - start > patience) {
      stalled = true;
      std::this_thread::yield();
    }
  }
  if (stalled) {
    alone_for_ns_ = std::clamp(alone_for_ns_ * 2, kFirstPauseNs, kLongestPauseNs);
    alone_until_ns_ = clock_ns() + alone_for_ns_;
  } else if (alone_until_ns_ != 0 && clock_ns() > alone_until_ns_ + 4 * alone_for_ns_) {
    alone_for_ns_ = 0;
    alone_until_ns_ = 0;
  }
}

}  // namespace serval
