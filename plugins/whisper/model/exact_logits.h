// What int8 products with the vocabulary leave uncertain: which word is the likeliest. The logits
// near the greatest are computed anew, in f32.
#pragma once

#include <functional>
#include <span>

#include "kernels/ops.h"
#include "plugins/whisper/model/weights.h"

namespace serval::whisper {

// How far below the greatest logit: a word has a third of the likeliest one's probability there.
// Logits in int8 are off by 0.07 (root mean square, tiny.en).
inline constexpr float kRescoreMargin = 1;

// Greatest logits of runs of words, so that few words have to be looked at. One for each panel of
// the product, -infinity but for the first of a run.
// Sets those of [first, last) of a row's logits; first: a multiple of kDensePanel. Thread-safe for
// words of different panels.
void note_peaks(const Ops& ops, const float* logits, int64_t first, int64_t last,
                std::span<float> peaks);

// Calls put(word, logit) for the words whose logit is within the margin, with the product of their
// row of `table` and the decoder's last state x [hidden]. Thread-safe.
void rescore_logits(const Ops& ops, const RowTable& table, const float* x, int hidden,
                    std::span<const float> logits, std::span<const float> peaks,
                    const std::function<void(int64_t word, float logit)>& put);

}  // namespace serval::whisper
