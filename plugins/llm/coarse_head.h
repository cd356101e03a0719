// A 4-bit copy of the output head, with a bound on how far its logits are from the head's own.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/ops.h"

namespace serval::llm {

// The copy's rounding errors are taken as independent and uniform, in each block as far as the
// greatest of them reaches. Ten standard deviations of their sum, and for certain what the rounding
// of block sums and of float sums adds, bound the difference of a logit: it passes them with a
// probability below 4e-22, which is 1e-16 a token for 262,144 rows. (The certain bound alone, by
// Cauchy and Schwarz, would leave a quarter of the rows of SmolLM2's head in doubt, where this one
// leaves a few dozen.) With |x| the norm of a block of what the quantised activations stand for:
//   |head logit - copy's logit| <= 10 sqrt(sum over blocks of spread^2 |x|^2 / 3) + certain * norm
//                               <= slack * norm
struct CoarseHead {
  PackedMatrix w;                    // [vocab, hidden], Q4_1; no data: there is no copy
  const float* slack = nullptr;      // [vocab]
  const float* certain = nullptr;    // [vocab]
  const uint16_t* spread = nullptr;  // [vocab, hidden / 32] bf16, rounded up
};

// The same, to be filled. slack, certain, spread: as above; w: packed_bytes(q4_1, vocab, hidden).
struct CoarseHeadMemory {
  void* w;
  float* slack;
  float* certain;
  uint16_t* spread;
};

// Whether a copy is worth having: the head's own weights take 8 bits.
bool wants_coarse_head(const PackedMatrix& head);

// Fills row groups [group_begin, group_end) of a copy of `head`. Calls on disjoint groups may run
// at the same time.
void build_coarse_head(const PackedMatrix& head, int64_t group_begin, int64_t group_end,
                       const CoarseHeadMemory& out);

// What token `token` of a QuantizeRows::out stands for: squares [cols / 32] gets the square of each
// block's norm. Returns the norm of the whole.
float quantised_norm(const void* quantised, int tokens, int64_t cols, int token,
                     std::vector<float>& squares);

// The rows in [begin, end) whose logit may be `least` or more, in order. coarse: the copy's logits
// [vocab]. Stops when there are more than `most`.
void find_candidates(const CoarseHead& head, const float* coarse, float norm,
                     std::span<const float> squares, float least, int begin, int end,
                     std::size_t most, std::vector<int>& out);

}  // namespace serval::llm
