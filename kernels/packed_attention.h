// Attention over sequences laid end to end, as an encoder runs it: no cache, no padding, every
// token of a sequence sees the others unless `window` or `causal` says less.
// Included by ops.h, whose rules on threads, pointers and determinism hold here too: a query's
// result depends on its own sequence and its place in it alone.
// Letters: T tokens of all sequences, L tokens of one, D head dimension.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/dense.h"

namespace serval {

inline constexpr int kQueryBlock = 48;  // queries of a sequence are split over threads in these

struct PackedAttention {
  const float* q = nullptr;  // [T, heads, D], rotated if the model does
  int64_t q_stride = 0;      // floats from one token to the next, as all strides
  const float* k = nullptr;  // [T, kv_heads, D]
  int64_t k_stride = 0;
  const float* v = nullptr;  // [T, kv_heads, D]
  int64_t v_stride = 0;
  float* out = nullptr;  // [T, heads, D]; may be q
  int64_t out_stride = 0;

  int64_t begin = 0;  // the sequence's first token among the T
  int length = 0;     // L
  int heads = 0;      // a multiple of kv_heads; head h reads kv head h / (heads / kv_heads)
  int kv_heads = 0;
  int head_dim = 0;     // D: 8..256, a multiple of 8
  float scale = 0;      // on q.k, usually 1/sqrt(D)
  int window = 0;       // > 0: query i sees key j only if |i - j| <= window
  bool causal = false;  // query i sees key j only if j <= i
  // Added to the score of query i and key j: bias[h * bias_stride + bias_zero + j - i]. Null: none.
  // REQUIRES: bias_zero + j - i lies in the head's row for every pair of the sequence.
  const float* bias = nullptr;
  int64_t bias_stride = 0;
  int64_t bias_zero = 0;
  // The arithmetic of both products, or any that is nearer to the exact result:
  //   f32   as they are
  //   bf16  queries, keys, values and the softmax's weights are rounded to bf16
  //   int8  they have 8 bits, in steps taken from the sequence itself
  DenseType type = DenseType::f32;

  // The part of the work: heads [head_begin, head_end), queries [query_begin, query_end).
  // query_begin is a multiple of kQueryBlock, query_end too or L.
  int head_begin = 0, head_end = 0;
  int query_begin = 0, query_end = 0;
  void* scratch = nullptr;  // packed_attention_scratch() bytes, 64-byte aligned; of one thread
};

// Scratch for sequences of at most `length` tokens.
std::size_t packed_attention_scratch(int length, int head_dim);

}  // namespace serval
