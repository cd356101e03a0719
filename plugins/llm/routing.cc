#include "plugins/llm/routing.h"

#include <algorithm>
#include <cmath>

namespace serval::llm {

void choose_experts(const ExpertShape& experts, float* scores, int* chosen, float* weights) {
  float peak = -INFINITY;
  for (int e = 0; e < experts.count; ++e) peak = std::max(peak, scores[e]);
  float total = 0;
  for (int e = 0; e < experts.count; ++e) {
    scores[e] = std::exp(scores[e] - peak);
    total += scores[e];
  }
  float kept = 0;
  for (int i = 0; i < experts.used; ++i) {
    int best = -1;
    for (int e = 0; e < experts.count; ++e) {
      const bool taken = std::find(chosen, chosen + i, e) != chosen + i;
      if (!taken && (best < 0 || scores[e] > scores[best])) best = e;
    }
    chosen[i] = best;
    weights[i] = scores[best];
    kept += scores[best];
  }
  const float scale = 1.0f / (experts.normalise ? kept : total);
  for (int i = 0; i < experts.used; ++i) weights[i] *= scale;
}

}  // namespace serval::llm
