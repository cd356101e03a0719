// Everything an instruction set implements, over its Vec and pair_dot. Included inside
// serval's unnamed namespace.
// clang-format off
// each needs the ones before
#include "kernels/cpu/math.inl"
#include "kernels/cpu/rowwise.inl"
#include "kernels/cpu/quantize.inl"
#include "kernels/cpu/matmul.inl"
#include "kernels/cpu/kv_cache.inl"
#include "kernels/cpu/spans.inl"
#if defined(__AVX512BF16__)
#include "kernels/cpu/int4_avx512.inl"
#include "kernels/cpu/attention_avx512.inl"
#else
bool native_attention(const Attention&) { return false; }
#endif
#include "kernels/cpu/attention.inl"
#include "kernels/cpu/mla_attention.inl"
#include "kernels/cpu/logits.inl"
#include "kernels/cpu/attention_weights.inl"
#include "kernels/cpu/activation.inl"
#include "kernels/cpu/dense_rows.inl"
#include "kernels/cpu/dense.inl"
#include "kernels/cpu/packed_attention.inl"
// clang-format on

constexpr Ops make_table(const char* name, bool (*usable)(), bool fast_int8, bool fast_bf16) {
  return {
      .name = name,
      .usable = usable,
      .fast_int8 = fast_int8,
      .fast_bf16 = fast_bf16,
      .narrow_int8 = kNarrowInt8,
      .quantize_rows = quantize_rows,
      .matmul = matmul,
      .rms_norm = rms_norm,
      .rope = rope,
      .silu_mul = silu_mul,
      .gelu_mul = gelu_mul,
      .mix_rows = mix_rows,
      .soft_cap = soft_cap,
      .add = add,
      .exp = exp_all,
      .kv_write = kv_write,
      .attention = attention,
      .join_spans = join_spans,
      .attention_weights = attention_weights,
      .mla_write = mla_write,
      .mla_attention = mla_attention,
      .prepare_rows = prepare_rows,
      .norm_rows = norm_rows,
      .dense = dense,
      .packed_attention = packed_attention,
      .argmax = argmax,
      .max = max_of,
      .log_sum_exp = log_sum_exp,
  };
}
