// Matmul: GOP/s (two operations a weight and token) for many tokens, GB/s of weights for few.
#include "bench/kernels/bench.h"

namespace serval {
namespace {

// Args: GGUF type, rows, cols, tokens.
void BM_MatMul(benchmark::State& state) {
  const auto type = static_cast<WeightType>(state.range(0));
  const int64_t rows = state.range(1), cols = state.range(2);
  const int tokens = int(state.range(3));
  std::vector<uint8_t> tensor(std::size_t(rows) * row_bytes(type, cols), 0x21);
  const AlignedBytes packed = aligned_bytes(packed_bytes(type, rows, cols));
  pack(type, tensor.data(), rows, cols, 0, group_count(rows), packed.get());
  const auto x = bench_floats(std::size_t(tokens * cols));
  const bool quantized = !is_float_form(packed_form(type));
  const AlignedBytes x_q = aligned_bytes(quantized ? quantized_bytes(tokens, cols) : 64);
  if (quantized) bench_ops().quantize_rows({x.data(), cols, tokens, cols, 0, tokens, x_q.get()});
  std::vector<float> y(std::size_t(tokens * rows));
  MatMul a;
  a.w = packed_matrix(type, rows, cols, packed.get());
  a.x = x.data();
  a.x_stride = cols;
  a.x_q = x_q.get();
  a.tokens = a.token_end = tokens;
  a.y = y.data();
  a.y_stride = rows;
  a.group_end = group_count(rows);
  for (auto _ : state) bench_ops().matmul(a);
  per_second(state, "GOP/s", 2e-9 * double(rows * cols) * tokens);
  per_second(state, "GB/s", 1e-9 * double(packed_bytes(type, rows, cols)));
  state.SetLabel(weight_type_name(type));
}

constexpr int kTypes[] = {3, 2, 8, 6, 7, 12, 13, 14, 0, 1, 30};

// Prompt: the projections of a 135M model at 512 tokens.
void prompt_shapes(benchmark::internal::Benchmark* b) {
  for (int type : kTypes) {
    b->Args({type, 1536, type >= 12 && type <= 14 ? 512 : 576, 512});
  }
  b->Args({3, 576, 1536, 512})->Args({3, 4864, 896, 512});
  for (int tokens : {2, 4, 8, 16, 32}) b->Args({3, 1536, 576, tokens});
}
BENCHMARK(BM_MatMul)->Apply(prompt_shapes)->Unit(benchmark::kMicrosecond);

// One token: a matrix far larger than the caches, then one that stays in the third level.
void decode_shapes(benchmark::internal::Benchmark* b) {
  for (int type : kTypes) b->Args({type, 131072, 1024, 1});
  b->Args({3, 16384, 576, 1})->Args({8, 8192, 576, 1})->Args({3, 131072, 1024, 4});
}
BENCHMARK(BM_MatMul)->Name("BM_MatMulDecode")->Apply(decode_shapes)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace serval
