#include "kernels/ops.h"

#include <cmath>
#include <cstdlib>
#include <string>

#include "kernels/kv_layout.h"
#include "kernels/quant_rows.h"
#include "kernels/tables.h"

namespace serval {
namespace {

constexpr const Ops* kAll[] = {
    &kReferenceOps,
    &kGenericOps,
#if defined(__x86_64__)
    &kAvx2Ops,
    &kAvx512Ops,
#endif
};

std::string names() {
  std::string list;
  for (const Ops* ops : kAll) list += (list.empty() ? "" : ", ") + std::string(ops->name);
  return list;
}

}  // namespace

bool always_usable() { return true; }

#if defined(__x86_64__)
bool cpu_has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("f16c");
}

bool cpu_has_avx512() {
  return cpu_has_avx2() && __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni") &&
         __builtin_cpu_supports("avx512bf16");
}
#endif

std::span<const Ops* const> all_ops() { return kAll; }

Result<const Ops*> best_ops() {
  const char* forced = std::getenv("SERVAL_FORCE_OPS");
  if (forced != nullptr && forced[0] != '\0') {
    for (const Ops* ops : kAll) {
      if (std::string(ops->name) != forced) continue;
      if (ops->usable()) return ops;
      return error(Code::failed_precondition,
                   "SERVAL_FORCE_OPS=" + std::string(forced) + ": this CPU cannot run it");
    }
    return invalid("SERVAL_FORCE_OPS=" + std::string(forced) + " is unknown, want one of " +
                   names());
  }
  const Ops* best = &kReferenceOps;
  for (const Ops* ops : kAll)
    if (ops->usable()) best = ops;
  return best;
}

bool attention_in_bf16(const Ops& ops, DenseType products) {
  return products == DenseType::bf16 || (products == DenseType::int8 && ops.fast_bf16);
}

std::size_t quantized_bytes(int tokens, int64_t cols) {
  return std::size_t(tokens) * std::size_t(records_of(cols)) * sizeof(QuantRecord);
}

std::size_t kv_block_bytes(KvType type, int kv_heads, int head_dim) {
  return std::size_t(kv_heads) * std::size_t(kv_head_bytes(type, head_dim));
}

std::size_t mla_block_bytes(KvType type, int rank, int rope_dim) {
  const std::size_t element = type == KvType::f32 ? 4 : 2;
  return std::size_t(rank + rope_dim) * kKvBlockTokens * element;
}

// Keys, then values, each padded to whole panels of floats.
std::size_t packed_attention_scratch(int length, int head_dim) {
  const auto whole = [](int n) { return (std::size_t(n) + kDensePanel - 1) / kDensePanel; };
  const std::size_t keys = whole(length) * kDensePanel;
  return keys * 4 * (std::size_t(head_dim) + whole(head_dim) * kDensePanel);
}

void build_rope_table(float* cos_sin, int positions, int rotary_dim, double base,
                      const float* factors, double magnitude) {
  const int half = rotary_dim / 2;
  for (int i = 0; i < half; ++i) {
    const double frequency =
        std::pow(base, -2.0 * i / rotary_dim) / (factors != nullptr ? double(factors[i]) : 1.0);
    for (int p = 0; p < positions; ++p) {
      float* row = cos_sin + int64_t{p} * rotary_dim;
      row[i] = float(magnitude * std::cos(p * frequency));
      row[half + i] = float(magnitude * std::sin(p * frequency));
    }
  }
}

}  // namespace serval
