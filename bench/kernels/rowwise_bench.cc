// The small operations of one layer, at one token and at 512.
#include "bench/kernels/bench.h"

namespace serval {
namespace {

void count_bytes(benchmark::State& state, double bytes) { per_second(state, "GB/s", 1e-9 * bytes); }

void BM_RmsNorm(benchmark::State& state) {
  const int rows = int(state.range(0)), dim = 576;
  const auto x = bench_floats(std::size_t(rows * dim)), w = bench_floats(dim);
  std::vector<float> y(x.size());
  for (auto _ : state)
    bench_ops().rms_norm({x.data(), dim, w.data(), y.data(), dim, rows, dim, 1e-5f});
  count_bytes(state, 8.0 * rows * dim);
}
BENCHMARK(BM_RmsNorm)->Arg(1)->Arg(512);

void BM_QuantizeRows(benchmark::State& state) {
  const int rows = int(state.range(0)), dim = 576;
  const auto x = bench_floats(std::size_t(rows * dim));
  const AlignedBytes out = aligned_bytes(quantized_bytes(rows, dim));
  for (auto _ : state) bench_ops().quantize_rows({x.data(), dim, rows, dim, 0, rows, out.get()});
  count_bytes(state, 5.5 * rows * dim);
}
BENCHMARK(BM_QuantizeRows)->Arg(1)->Arg(512);

void BM_SiluMul(benchmark::State& state) {
  const int rows = int(state.range(0)), dim = 1536;
  const auto gate = bench_floats(std::size_t(rows * dim));
  std::vector<float> y(gate.size());
  for (auto _ : state)
    bench_ops().silu_mul({gate.data(), dim, gate.data(), dim, y.data(), dim, rows, dim});
  count_bytes(state, 12.0 * rows * dim);
}
BENCHMARK(BM_SiluMul)->Arg(1)->Arg(512);

void BM_Rope(benchmark::State& state) {
  const int tokens = int(state.range(0)), heads = 12, dim = 64;
  const auto layout = static_cast<RopeLayout>(state.range(1));
  auto x = bench_floats(std::size_t(tokens * heads * dim));
  std::vector<float> table(std::size_t(512 * dim));
  build_rope_table(table.data(), 512, dim, 1e4, nullptr);
  std::vector<int32_t> positions(std::size_t(tokens), 100);
  for (auto _ : state)
    bench_ops().rope(
        {x.data(), heads * dim, positions.data(), table.data(), tokens, heads, dim, dim, layout});
  count_bytes(state, 8.0 * tokens * heads * dim);
}
BENCHMARK(BM_Rope)->Args({1, 0})->Args({512, 0})->Args({512, 1});

void BM_Logits(benchmark::State& state) {
  const auto x = bench_floats(49152);
  for (auto _ : state) {
    if (state.range(0) == 0)
      benchmark::DoNotOptimize(bench_ops().argmax(x.data(), 49152));
    else
      benchmark::DoNotOptimize(bench_ops().log_sum_exp(x.data(), 49152));
  }
  count_bytes(state, 4.0 * 49152);
}
BENCHMARK(BM_Logits)->Arg(0)->Arg(1);

}  // namespace
}  // namespace serval
