// Which experts a token goes to.
#pragma once

#include "plugins/llm/shape.h"

namespace serval::llm {

// Most experts one token can use.
inline constexpr int kMostExpertsUsed = 64;

// scores: [experts.count], the router's output for one token; overwritten. chosen, weights:
// [experts.used], greatest weight first, ties to the lower index. The outcome depends on the scores
// alone. NaN scores are chosen last.
void choose_experts(const ExpertShape& experts, float* scores, int* chosen, float* weights);

}  // namespace serval::llm
