// Multi-head latent attention (DeepSeek-AI 2024, "DeepSeek-V2", section 2.1) over a paged cache
// that holds one small row a token instead of keys and values for every head.
//
// A row is the token's latent vector c (after its norm) followed by its rotated key. All heads
// share it: the per-head projections of keys and values are absorbed into the query and into the
// output. With q the projected query [rank] and q_r the rotated one [rope_dim],
//   score = scale * (q . c + q_r . k_r),   out = sum over tokens of softmax(score) * c.
// Included by ops.h, whose rules on threads, pointers and determinism hold here too.
// Letters: T tokens, C rank (width of the latent vector), P rope_dim.
#pragma once

#include <cstddef>
#include <cstdint>

namespace serval {

enum class KvType : uint8_t;

// The cache of one layer is a list of blocks of 32 tokens, each rows [32][C + P] of elements.
// Bytes of one block of one layer, a multiple of 64. KvType: f32 or f16, here and below.
// C: 16..2048, P: 8..256, both multiples of 8.
std::size_t mla_block_bytes(KvType type, int rank, int rope_dim);

// Stores one token's row at slot 0..31 of a block. f16 rounds to nearest.
struct MlaWrite {
  const float* latent;  // [C]
  const float* key;     // [P], already rotated
  void* block;          // mla_block_bytes(), 64-byte aligned
  int slot;
  KvType type;
  int rank;
  int rope_dim;
};

// Causal attention of one sequence over its first q0 + n cached tokens, for query positions
// [q0, q0 + n) and heads [head_begin, head_end). Slots not yet written are never read into a
// result. To split one long chunk over threads, shift q, out and q0.
struct MlaAttention {
  const float* q;  // [n, heads, C + P]: the absorbed query, then the rotated one
  int64_t q_stride;
  float* out;  // [n, heads, C], still to be projected to the head's values
  int64_t out_stride;
  const void* const* blocks;  // [ceil((q0 + n) / 32)], each 64-byte aligned
  KvType type;
  int q0;
  int n;
  int rank;
  int rope_dim;
  int head_begin;
  int head_end;
  float scale;  // on the score, usually 1/sqrt(width of a key before absorption)
};

}  // namespace serval
