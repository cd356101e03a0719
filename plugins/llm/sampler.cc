#include "plugins/llm/sampler.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "common/philox.h"

namespace serval::llm {

Sampler::Sampler(const SamplingParams& params, std::span<const int32_t> prompt, uint64_t seed,
                 int choice)
    : params_(params), seed_(params.seed.value_or(seed)), choice_(uint32_t(choice)) {
  if (params_.repetition_penalty != 1.0f)
    for (int32_t token : prompt) counts_.try_emplace(token, 0);
}

void Sampler::accept(int32_t token) {
  if (params_.penalises()) ++counts_[token];
}

void Sampler::adjust(std::span<float> logits) const {
  for (const auto& [token, count] : counts_) {
    float& logit = logits[std::size_t(token)];
    logit = logit > 0 ? logit / params_.repetition_penalty : logit * params_.repetition_penalty;
    if (count > 0) logit -= params_.presence_penalty + params_.frequency_penalty * float(count);
  }
  for (const auto& [token, bias] : params_.logit_bias) logits[std::size_t(token)] += bias;
}

int32_t Sampler::sample(const Ops& ops, std::span<const float> logits, int position,
                        std::vector<float>& scratch) {
  const bool greedy = params_.temperature == 0 || params_.top_k == 1;
  const bool adjusted = params_.penalises() || !params_.logit_bias.empty();
  const auto n = int64_t(logits.size());
  if (params_.takes_greatest()) return int32_t(ops.argmax(logits.data(), n));

  scratch.assign(logits.begin(), logits.end());
  const std::span<float> own(scratch);
  if (adjusted) adjust(own);
  const auto best = int32_t(ops.argmax(own.data(), n));
  if (greedy || best < 0) return best;

  const float inverse = 1.0f / std::max(params_.temperature, 1e-3f);
  for (float& logit : own) logit = std::isnan(logit) ? -INFINITY : logit * inverse;
  ops.exp({.x = own.data(), .y = own.data(), .n = n, .shift = own[std::size_t(best)]});
  return draw(own, philox_uniform(seed_, choice_, uint64_t(position)));
}

int32_t Sampler::draw(std::span<const float> weights, double uniform) const {
  if (params_.top_k == 0 && params_.top_p >= 1 && params_.min_p == 0) {
    double total = 0, sum = 0;
    for (float weight : weights) total += double(weight);
    int32_t last = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (weights[i] == 0) continue;
      last = int32_t(i);
      sum += double(weights[i]);
      if (sum > uniform * total) break;
    }
    return last;
  }
  const std::vector<Candidate> from = candidates(weights);
  double total = 0, sum = 0;
  for (const Candidate& c : from) total += double(c.weight);
  for (const Candidate& c : from) {
    sum += double(c.weight);
    if (sum > uniform * total) return c.token;
  }
  return from.back().token;
}

// What top_k, top_p and min_p leave, likeliest first. Looks at the few tokens above a threshold
// first: the tail of a vocabulary seldom matters, and sorting it would cost more than the forward
// pass's head.
std::vector<Sampler::Candidate> Sampler::candidates(std::span<const float> weights) const {
  const bool nucleus = params_.top_p < 1;
  const auto top_k = std::size_t(params_.top_k);
  double total = 0;
  if (top_k == 0 && nucleus)
    for (float weight : weights) total += double(weight);

  std::vector<Candidate> found;
  for (const float threshold : {3e-4f, 1e-7f, 0.0f}) {
    found.clear();
    double mass = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (weights[i] < threshold) continue;
      found.push_back({weights[i], int32_t(i)});
      mass += double(weights[i]);
    }
    if (top_k > 0 ? found.size() >= top_k : nucleus && mass >= double(params_.top_p) * total) break;
    if (top_k == 0 && params_.min_p >= threshold && params_.min_p > 0) break;
  }
  std::sort(found.begin(), found.end(), [](const Candidate& a, const Candidate& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.token < b.token;
  });
  if (top_k > 0 && found.size() > top_k) found.resize(top_k);

  if (nucleus) {
    if (top_k > 0) {
      total = 0;
      for (const Candidate& c : found) total += double(c.weight);
    }
    double sum = 0;
    std::size_t keep = 0;
    while (keep < found.size() && (keep == 0 || sum < double(params_.top_p) * total))
      sum += double(found[keep++].weight);
    found.resize(keep);
  }
  while (found.size() > 1 && found.back().weight < params_.min_p) found.pop_back();
  return found;
}

TokenLogprobs token_logprobs(const Ops& ops, std::span<const float> logits, int32_t token,
                             int top) {
  TokenLogprobs out;
  const float normaliser = ops.log_sum_exp(logits.data(), int64_t(logits.size()));
  out.logprob = logits[std::size_t(token)] - normaliser;
  if (top == 0) return out;
  // A small heap of the best so far, worst on top.
  std::vector<std::pair<float, int32_t>> best;  // (logit, -token): ties go to the lower id
  const auto better = std::greater<std::pair<float, int32_t>>();
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (int(best.size()) == top && !(logits[i] > best.front().first)) continue;
    best.emplace_back(logits[i], -int32_t(i));
    std::push_heap(best.begin(), best.end(), better);
    if (int(best.size()) > top) {
      std::pop_heap(best.begin(), best.end(), better);
      best.pop_back();
    }
  }
  std::sort(best.begin(), best.end(), better);
  for (const auto& [logit, id] : best) out.top.emplace_back(-id, logit - normaliser);
  return out;
}

}  // namespace serval::llm
