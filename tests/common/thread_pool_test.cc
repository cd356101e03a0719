#include "common/thread_pool.h"

#include <chrono>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <vector>

namespace serval {
namespace {

TEST(ThreadPool, RunsEveryChunkOnceInEveryPhase) {
  for (int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    for (int phase = 0; phase < 3000; ++phase) {
      const int chunks = phase % 17;
      std::vector<int> counts(17, 0);  // plain ints: each chunk is run by one thread only
      pool.run(chunks, [&](int chunk) { ++counts[std::size_t(chunk)]; });
      for (int i = 0; i < 17; ++i) ASSERT_EQ(counts[std::size_t(i)], i < chunks ? 1 : 0);
    }
  }
}

TEST(ThreadPool, PhasesSeeWhatThePhaseBeforeWrote) {
  ThreadPool pool(4);
  std::vector<int64_t> values(64, 1);
  for (int phase = 0; phase < 500; ++phase) {
    std::vector<int64_t> next(64);
    pool.run(64, [&](int i) {
      next[std::size_t(i)] = (values[std::size_t(i)] + values[std::size_t((i + 1) % 64)]) % 1000003;
    });
    values = next;
  }
  for (int64_t value : values) EXPECT_EQ(value, values[0]);
}

TEST(ThreadPool, IdleWorkersSleep) {
  ThreadPool pool(4);
  pool.run(8, [](int) {});
  const auto cpu_us = [] {
    rusage use{};
    getrusage(RUSAGE_SELF, &use);
    return (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1'000'000 + use.ru_utime.tv_usec +
           use.ru_stime.tv_usec;
  };
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const auto before = cpu_us();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(cpu_us() - before, 100'000);  // three spinning workers would use 600 ms
}

}  // namespace
}  // namespace serval
