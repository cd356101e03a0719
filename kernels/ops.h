// The kernels of language models and encoders: one argument struct an operation, one table of
// functions an instruction set.
//
// Thread rule: every function is reentrant, starts no thread and allocates nothing (the reference
// table does allocate). Heavy operations take a range of their output, so the caller's thread pool
// splits the work.
// Pointers: any alignment a float allows unless stated; outputs must not overlap inputs unless
// stated. Sizes of zero are legal and do nothing.
// Determinism: within one table a token's result is bitwise the same whatever else is in the
// call, however the work is split and however a prompt is cut into chunks.
// Letters: T tokens, K columns (input features), R rows (output features), D head dimension.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "common/result.h"
#include "kernels/dense.h"
#include "kernels/mla_attention.h"
#include "kernels/pack.h"
#include "kernels/packed_attention.h"

namespace serval {

// Activations as the integer matmul reads them: int8 in runs of 64 columns (the last one may be
// shorter), each with its own scale. out is an opaque buffer of quantized_bytes(T, K) bytes,
// 64-byte aligned. Values: q = round(x * 127 / max|x|) of the run. NaN or infinite x gives some
// finite q.
struct QuantizeRows {
  const float* x;       // [T, K]
  int64_t x_stride;     // floats from one token to the next
  int tokens;           // T; fixes the layout of out
  int64_t cols;         // K, a multiple of 32
  int token_begin = 0;  // the tokens this call quantises
  int token_end = 0;
  void* out;
};
std::size_t quantized_bytes(int tokens, int64_t cols);

// y = x W^T + bias + add for output rows [16*group_begin, 16*group_end) and tokens
// [token_begin, token_end).
// Memory that is read next, for a kernel that waits for arithmetic to ask for on its way. A hint:
// it changes no result.
struct ReadAhead {
  const void* const* runs = nullptr;  // each run_lines cache lines of 64 bytes
  int64_t run_lines = 0;
  int64_t begin = 0, end = 0;  // lines, counted through the runs
};

struct MatMul {
  PackedMatrix w;               // [R, K]
  const float* x = nullptr;     // [T, K]; read if is_float_form(w.form)
  int64_t x_stride = 0;         // floats from one token to the next
  const void* x_q = nullptr;    // QuantizeRows::out for the same T and K; read otherwise
  int tokens = 0;               // T
  float* y = nullptr;           // [T, R]
  int64_t y_stride = 0;         // floats from one token to the next
  const float* bias = nullptr;  // [R] or null
  const float* add = nullptr;   // [T, R] or null; may be y: then y accumulates
  int64_t add_stride = 0;
  int64_t group_begin = 0, group_end = 0;  // within 0..group_count(R)
  int token_begin = 0, token_end = 0;      // within 0..T
  ReadAhead ahead = {};                    // integer forms only
};

// y = x / sqrt(mean(x^2) + eps) * w, row by row. y may be x.
struct RmsNorm {
  const float* x;  // [rows, dim]
  int64_t x_stride;
  const float* w;  // [dim]
  float* y;        // [rows, dim]
  int64_t y_stride;
  int rows;
  int dim;
  float eps;
};

// Where the two halves of a rotated pair stand.
enum class RopeLayout : uint8_t {
  adjacent,  // (0,1), (2,3), ...: llama in GGUF
  halves,    // (0,D/2), (1,D/2+1), ...: qwen2 (NeoX)
};

// Rotary embedding in place: (a, b) becomes (a cos - b sin, b cos + a sin). The first rotary_dim
// elements of each head are turned, the rest is left alone.
struct Rope {
  float* x;                  // [T, heads, D]
  int64_t x_stride;          // floats from one token to the next
  const int32_t* positions;  // [T], each a row of the table
  const float* cos_sin;      // [positions, 2, rotary_dim/2]: cosines, then sines
  int tokens;
  int heads;
  int head_dim;
  int rotary_dim;  // even, at most head_dim
  RopeLayout layout;
};
// Fills rows [0, positions) of a cos_sin table: angle(p, i) = p * base^(-2i/rotary_dim) /
// factors[i]; cosines and sines are multiplied by `magnitude`. factors: [rotary_dim/2] or null for
// all 1. Computed in double.
void build_rope_table(float* cos_sin, int positions, int rotary_dim, double base,
                      const float* factors, double magnitude = 1);

// y = f(gate) * up. y may be gate or up.
//   silu_mul  f(x) = x / (1 + exp(-x))
//   gelu_mul  f(x) = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), GELU's tanh form (Hendrycks and
//             Gimpel 2016)
struct GatedMul {
  const float* gate;  // [rows, dim]
  int64_t gate_stride;
  const float* up;  // [rows, dim]
  int64_t up_stride;
  float* y;  // [rows, dim]
  int64_t y_stride;
  int rows;
  int64_t dim;
};

// y = a + b. y may be a or b.
struct Add {
  const float* a;  // [n]
  const float* b;  // [n]
  float* y;        // [n]
  int64_t n;
};

// y = weights[0] * rows[0] + weights[1] * rows[1] + ..., added up in this order. y is none of the
// rows.
struct MixRows {
  const float* const* rows;  // [count] of [dim]
  const float* weights;      // [count]
  int count;
  float* y;  // [dim]
  int64_t dim;
};

// y = cap * tanh(x / cap), cap > 0. y may be x.
struct SoftCap {
  const float* x;  // [n]
  float* y;        // [n]
  int64_t n;
  float cap;
};

// y = exp(x - shift). y may be x. Within 2 units in the last place; 0 below -87.3, +inf above
// 88.4, NaN for NaN.
struct Exp {
  const float* x;  // [n]
  float* y;        // [n]
  int64_t n;
  float shift = 0;
};

// ---- Paged attention ----
// The cache of one layer is a list of blocks of 32 tokens; kernels/kv_layout.h says how a block
// lies. Slots not yet written are never read into a result.
inline constexpr int kKvBlockTokens = 32;
// bf16: on avx512 queries and weights are rounded to bf16 too (2^-9 relative). int8: one scale a
// vector; on avx512 queries and weights are quantised to 8 bits too. int4: one step and minimum a
// run of 32 dimensions.
enum class KvType : uint8_t { f32, f16, bf16, int8, int4 };
// Bytes of one block of one layer, a multiple of 64. D: 16..256, a multiple of 8.
std::size_t kv_block_bytes(KvType type, int kv_heads, int head_dim);

// Stores one token's K (already rotated) and V at slot 0..31 of a block, rounded to nearest.
struct KvWrite {
  const float* k;  // [kv_heads, D]
  const float* v;  // [kv_heads, D]
  void* block;     // kv_block_bytes(), 64-byte aligned
  int slot;
  KvType type;
  int kv_heads;
  int head_dim;
};

// A query sums its keys in spans of this many positions, counted from 0, and joins the spans' sums
// in order. So a long context can be cut at spans and spread over threads, with the same bits.
inline constexpr int kSpanKeys = 512;
// Floats of one query head's sums over one span: values [D], peak and total. Static for the reason
// float16.h gives.
[[maybe_unused]] static constexpr int64_t span_floats(int head_dim) {
  return int64_t{head_dim + 2 + 15} / 16 * 16;
}

// Causal attention of one sequence over its first q0 + n cached tokens, for query positions
// [q0, q0 + n) and the query heads that share kv heads [kv_head_begin, kv_head_end). Query head h
// reads kv head h / (heads / kv_heads). To split one long chunk over threads, shift q, out, q0.
struct Attention {
  const float* q;  // [n, heads, D], rotated
  int64_t q_stride;
  float* out;  // [n, heads, D]; may be q
  int64_t out_stride;
  const void* const* blocks;  // [ceil((q0 + n) / 32)], each 64-byte aligned
  KvType type;
  int q0;
  int n;
  int heads;  // a multiple of kv_heads
  int kv_heads;
  int head_dim;
  int kv_head_begin;
  int kv_head_end;
  float scale;     // on q.k, usually 1/sqrt(D)
  int window = 0;  // a query sees the last `window` keys, its own among them; 0: all. Blocks that
                   // no query sees may be anything.
  // Not null: only the keys of one span, of which every query sees some. Their sums go here,
  // [n, heads, span_floats(D)], for join_spans of the same table; out is left alone.
  float* part = nullptr;
  int span = 0;
};

// The output of one query from its parts.
struct JoinSpans {
  const float* parts;  // [spans, heads, span_floats(D)], of consecutive spans
  int spans;           // at least 1
  int heads;
  int head_dim;
  KvType type;  // of the cache the parts are from
  float* out;   // [heads, D]
};

// The weights with which queries of one head see the first `keys` keys of one kv head: softmax over
// the keys of scale q.k, each query by itself. For who asks where a model looks.
struct AttentionWeights {
  const float* q;  // [n, D], rotated
  int64_t q_stride;
  float* out;  // [n, keys]
  int64_t out_stride;
  const void* const* blocks;  // [ceil(keys / 32)], each 64-byte aligned
  KvType type;
  int n;
  int keys;
  int kv_heads;
  int kv_head;
  int head_dim;
  float scale;
};

// One implementation of everything. Tables are constants; hold a reference from load time on.
struct Ops {
  const char* name;
  bool (*usable)();  // whether this CPU and its operating system can run it
  bool fast_int8;    // dense products in int8 are faster than in f32
  bool fast_bf16;    // likewise, and so is attention in bf16
  bool narrow_int8;  // int8 products are added up in words: weights are to be packed for that
  void (*quantize_rows)(const QuantizeRows&);
  void (*matmul)(const MatMul&);
  void (*rms_norm)(const RmsNorm&);
  void (*rope)(const Rope&);
  void (*silu_mul)(const GatedMul&);
  void (*gelu_mul)(const GatedMul&);
  void (*mix_rows)(const MixRows&);
  void (*soft_cap)(const SoftCap&);
  void (*add)(const Add&);
  void (*exp)(const Exp&);
  void (*kv_write)(const KvWrite&);
  void (*attention)(const Attention&);
  void (*join_spans)(const JoinSpans&);
  void (*attention_weights)(const AttentionWeights&);
  void (*mla_write)(const MlaWrite&);
  void (*mla_attention)(const MlaAttention&);
  void (*prepare_rows)(const PrepareRows&);
  void (*norm_rows)(const NormRows&);
  void (*dense)(const Dense&);
  void (*packed_attention)(const PackedAttention&);
  // Logits x [n]. argmax: the first index of the greatest, NaN never wins; -1 if n is 0 or all are
  // NaN. max: the greatest, -inf if n is 0, NaN skipped. log_sum_exp: ln(sum exp(x)), -inf if n is
  // 0.
  int64_t (*argmax)(const float* x, int64_t n);
  float (*max)(const float* x, int64_t n);
  float (*log_sum_exp)(const float* x, int64_t n);
};

// Whether packed_attention beside products of this type is to be in bf16 where 8 bits would lose
// too much: int8 products have an error of their own, so there it is taken where it is faster than
// f32.
bool attention_in_bf16(const Ops& ops, DenseType products);

// All tables built in, slowest first: reference (plain double-precision code, the oracle),
// generic (any x86-64), avx2 (AVX2, FMA, F16C), avx512 (F, BW, VL, DQ, VNNI, BF16).
std::span<const Ops* const> all_ops();

// The fastest usable table, or the one the environment variable SERVAL_FORCE_OPS names.
// Errors: invalid_argument for an unknown name, failed_precondition for one this CPU cannot run.
Result<const Ops*> best_ops();

}  // namespace serval
