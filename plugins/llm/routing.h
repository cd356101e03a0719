// Which experts a token goes to.
#pragma once

#include "plugins/llm/shape.h"

namespace serval::llm {

// Most experts one token can use, and most groups they can be in.
inline constexpr int kMostExpertsUsed = 64;
inline constexpr int kMostExpertGroups = 64;

// scores: [experts.count], the router's output for one token; overwritten. bias: [experts.count] or
// null, added when experts are chosen and nowhere else (DeepSeek-AI 2024, "DeepSeek-V3").
// chosen, weights: [experts.used], the first choice first, ties to the lower index. The outcome
// depends on the arguments alone; also with NaN among them the chosen are distinct and in range.
//
// With groups, a token's experts come from its groups_used best. A group is as good as its best
// expert (DeepSeek-V2) or, with a bias, as its two best together (DeepSeek-V3).
void choose_experts(const ExpertShape& experts, float* scores, const float* bias, int* chosen,
                    float* weights);

}  // namespace serval::llm
