// Shared by the kernel benchmarks: the table under test and simple inputs. One thread; run alone,
// and with SERVAL_FORCE_OPS to compare tables.
#pragma once

#include <benchmark/benchmark.h>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <random>
#include <vector>

#include "kernels/ops.h"

namespace serval {

inline const Ops& bench_ops() {
  static const Ops& ops = [&]() -> const Ops& {
    const auto best = best_ops();
    if (!best.ok()) {
      std::fprintf(stderr, "%s\n", best.error().message.c_str());
      std::exit(1);
    }
    return **best;
  }();
  return ops;
}

inline std::vector<float> bench_floats(std::size_t n) {
  std::mt19937 rng(1);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> x(n);
  for (float& v : x) v = uniform(rng);
  return x;
}

// A column `name` of what one run makes, a second.
inline void per_second(benchmark::State& state, const char* name, double each) {
  state.counters[name] =
      benchmark::Counter(each * double(state.iterations()), benchmark::Counter::kIsRate);
}

struct FreeAligned {
  void operator()(unsigned char* p) const { ::operator delete[](p, std::align_val_t{64}); }
};
using AlignedBytes = std::unique_ptr<unsigned char[], FreeAligned>;
inline AlignedBytes aligned_bytes(std::size_t n) {
  return AlignedBytes(new (std::align_val_t{64}) unsigned char[n]);
}

}  // namespace serval
