// Attention: GB/s of cache read in decode, GOP/s in prefill.
#include <cmath>

#include "bench/kernels/bench.h"

namespace serval {
namespace {

// Args: KvType, heads, kv heads, head dimension, first position, queries.
void BM_Attention(benchmark::State& state) {
  const auto type = static_cast<KvType>(state.range(0));
  const int heads = int(state.range(1)), kv_heads = int(state.range(2));
  const int head_dim = int(state.range(3)), q0 = int(state.range(4)), n = int(state.range(5));
  const std::size_t bytes = kv_block_bytes(type, kv_heads, head_dim);
  const int count = (q0 + n + kKvBlockTokens - 1) / kKvBlockTokens;
  // As many caches as pass the third-level cache: a decode step reads each sequence's once.
  const int caches = n > 1 ? 1 : int((std::size_t{96} << 20) / (bytes * std::size_t(count))) + 1;
  const AlignedBytes memory = aligned_bytes(bytes * std::size_t(count * caches));
  const auto kv = bench_floats(std::size_t(kv_heads * head_dim));
  std::vector<const void*> blocks;
  for (int i = 0; i < count * caches; ++i) {
    unsigned char* block = memory.get() + bytes * std::size_t(i);
    for (int slot = 0; slot < kKvBlockTokens; ++slot)
      bench_ops().kv_write({kv.data(), kv.data(), block, slot, type, kv_heads, head_dim});
    blocks.push_back(block);
  }
  const int64_t stride = int64_t{heads} * head_dim;
  const auto q = bench_floats(std::size_t(n * stride));
  std::vector<float> out(q.size());
  Attention a{q.data(), stride,   out.data(), stride, blocks.data(), type,    q0, n,
              heads,    kv_heads, head_dim,   0,      kv_heads,      1.0f / 8};
  int cache = 0;
  for (auto _ : state) {
    a.blocks = blocks.data() + cache * count;
    bench_ops().attention(a);
    cache = cache + 1 == caches ? 0 : cache + 1;
  }
  const double pairs = double(n) * q0 + double(n) * (n + 1) / 2;  // query, visible key
  per_second(state, "GOP/s", 4e-9 * pairs * double(stride));
  per_second(state, "GB/s", 1e-9 * double(bytes) * count);
}
BENCHMARK(BM_Attention)
    ->Args({1, 9, 3, 64, 2047, 1})
    ->Args({0, 9, 3, 64, 2047, 1})
    ->Args({1, 14, 2, 64, 2047, 1})
    ->Args({1, 16, 16, 64, 2047, 1})
    ->Args({1, 9, 3, 64, 0, 512})
    ->Args({0, 9, 3, 64, 0, 512})
    ->Args({1, 9, 3, 64, 1536, 512})
    ->Args({1, 32, 8, 128, 0, 512})
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace serval
