// The encoders' operations with the sides of MiniLM: products in GMAC/s, rows in GB/s, attention in
// tokens/s.
#include "bench/kernels/bench.h"
#include "kernels/dense_pack.h"

namespace serval {
namespace {

constexpr DenseType kTypes[] = {DenseType::f32, DenseType::bf16, DenseType::int8};

// Args: type, outputs, inputs, rows, activation.
void BM_Dense(benchmark::State& state) {
  const auto type = DenseType(state.range(0));
  const int64_t n = state.range(1), k = state.range(2);
  const int rows = int(state.range(3));
  const auto weights = bench_floats(std::size_t(n * k));
  const auto x = bench_floats(std::size_t(rows * k));
  const AlignedBytes packed = aligned_bytes(dense_packed_bytes(type, n, k));
  pack_dense({type, false, bench_ops().narrow_int8, weights.data(), k, n, k, 0, dense_panels(n),
              packed.get()});
  const std::size_t row = dense_row_bytes(type, k);
  const AlignedBytes prepared = aligned_bytes(row * std::size_t(rows));
  bench_ops().prepare_rows({x.data(), k, rows, k, type, prepared.get(), row});
  std::vector<float> y(std::size_t(rows * n));
  Dense a;
  a.w = dense_weights(type, n, k, false, packed.get());
  a.x = prepared.get();
  a.x_stride = row;
  a.bias = weights.data();
  a.activation = Activation(state.range(4));
  a.y = y.data();
  a.y_stride = n;
  a.row_end = rows;
  a.panel_end = dense_panels(n);
  for (auto _ : state) bench_ops().dense(a);
  per_second(state, "GMAC/s", 1e-9 * double(n * k) * rows);
  state.SetLabel(dense_type_name(type));
}
BENCHMARK(BM_Dense)
    ->Apply([](benchmark::internal::Benchmark* b) {
      for (const DenseType type : kTypes) {
        for (const int rows : {1, 16, 512}) b->Args({int(type), 1536, 384, rows, 0});
        b->Args({int(type), 384, 1536, 512, 0});
        b->Args({int(type), 1536, 384, 512, int(Activation::gelu_erf)});
      }
    })
    ->Unit(benchmark::kMicrosecond);

// Arg: type of what the next product reads.
void BM_NormRows(benchmark::State& state) {
  const auto type = DenseType(state.range(0));
  constexpr int kRows = 512, kDim = 384;
  const auto x = bench_floats(kRows * kDim), gamma = bench_floats(kDim);
  std::vector<float> y(x.size());
  NormRows a;
  a.x = a.add = x.data();
  a.x_stride = a.add_stride = a.y_stride = kDim;
  a.gamma = a.beta = gamma.data();
  a.eps = 1e-12f;
  a.rows = kRows;
  a.dim = kDim;
  a.y = y.data();
  a.type = type;
  a.prepared_stride = dense_row_bytes(type, kDim);
  const AlignedBytes prepared = aligned_bytes(a.prepared_stride * kRows);
  a.prepared = prepared.get();
  for (auto _ : state) bench_ops().norm_rows(a);
  per_second(state, "GB/s", 1e-9 * kRows * (12.0 * kDim + double(a.prepared_stride)));
  state.SetLabel(dense_type_name(type));
}
BENCHMARK(BM_NormRows)->DenseRange(0, 2)->Unit(benchmark::kMicrosecond);

// Args: tokens of the sequence, DenseType, head dimension.
void BM_PackedAttention(benchmark::State& state) {
  const int length = int(state.range(0)), dim = int(state.range(2)), heads = 384 / dim;
  const auto qkv = bench_floats(std::size_t(3 * length * heads * dim));
  std::vector<float> out(std::size_t(length * heads * dim));
  const AlignedBytes scratch = aligned_bytes(packed_attention_scratch(length, dim));
  PackedAttention a;
  a.q = qkv.data();
  a.k = a.q + heads * dim;
  a.v = a.k + heads * dim;
  a.q_stride = a.k_stride = a.v_stride = 3 * heads * dim;
  a.out = out.data();
  a.out_stride = heads * dim;
  a.length = a.query_end = length;
  a.heads = a.kv_heads = a.head_end = heads;
  a.head_dim = dim;
  a.scale = 0.2f;
  a.type = DenseType(state.range(1));
  a.scratch = scratch.get();
  for (auto _ : state) bench_ops().packed_attention(a);
  per_second(state, "tokens/s", length);
  per_second(state, "GMAC/s", 2e-9 * heads * dim * double(length) * length);
}
BENCHMARK(BM_PackedAttention)
    ->ArgsProduct({{16, 128, 512, 1500}, {0, 1, 2}, {32, 64}})
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace serval
