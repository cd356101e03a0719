#include "plugins/llm/routing.h"

#include <algorithm>
#include <cmath>

namespace serval::llm {
namespace {

// scores become probabilities.
void gate(const ExpertShape& experts, float* scores) {
  if (experts.gating == Gating::sigmoid) {
    for (int e = 0; e < experts.count; ++e) scores[e] = 1.0f / (1.0f + std::exp(-scores[e]));
    return;
  }
  float peak = -INFINITY, total = 0;
  for (int e = 0; e < experts.count; ++e) peak = std::max(peak, scores[e]);
  for (int e = 0; e < experts.count; ++e) {
    scores[e] = std::exp(scores[e] - peak);
    total += scores[e];
  }
  for (int e = 0; e < experts.count; ++e) scores[e] /= total;
}

// Marks those of `count` that are to be left out: all but the `kept` best.
void leave_out(const float* scores, int count, int kept, bool* out) {
  std::fill(out, out + count, true);
  for (int i = 0; i < kept; ++i) {
    int best = -1;
    for (int g = 0; g < count; ++g)
      if (out[g] && (best < 0 || scores[g] > scores[best])) best = g;
    out[best] = false;
  }
}

// How good a group is: its best expert, or the sum of its two best.
float group_score(const float* scores, const float* bias, int first, int size) {
  float best = -INFINITY, second = -INFINITY;
  for (int e = first; e < first + size; ++e) {
    const float score = bias == nullptr ? scores[e] : scores[e] + bias[e];
    if (score > best) {
      second = best;
      best = score;
    } else if (score > second) {
      second = score;
    }
  }
  return bias == nullptr || size == 1 ? best : best + second;
}

}  // namespace

void choose_experts(const ExpertShape& experts, float* scores, const float* bias, int* chosen,
                    float* weights) {
  gate(experts, scores);
  const int size = experts.count / experts.groups;
  bool left_out[kMostExpertGroups] = {};
  if (experts.groups_used < experts.groups) {
    float of_group[kMostExpertGroups];
    for (int g = 0; g < experts.groups; ++g)
      of_group[g] = group_score(scores, bias, g * size, size);
    leave_out(of_group, experts.groups, experts.groups_used, left_out);
  }
  const auto choice = [&](int e) { return bias == nullptr ? scores[e] : scores[e] + bias[e]; };
  float kept = 0;
  for (int i = 0; i < experts.used; ++i) {
    int best = -1;
    for (int e = 0; e < experts.count; ++e) {
      if (left_out[e / size] || std::find(chosen, chosen + i, e) != chosen + i) continue;
      if (best < 0 || choice(e) > choice(best)) best = e;
    }
    chosen[i] = best;
    weights[i] = scores[best];
    kept += scores[best];
  }
  constexpr float kTiny = 1e-20f;  // sigmoids can all be 0
  const float scale = experts.normalise ? experts.scale / (kept + kTiny) : experts.scale;
  for (int i = 0; i < experts.used; ++i) weights[i] *= scale;
}

}  // namespace serval::llm
