// Draws the next token from a row of logits.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "kernels/ops.h"
#include "plugins/llm/params.h"

namespace serval::llm {

// Order: penalties, bias; greedy at temperature 0; else temperature, top_k, top_p (of what top_k
// left), min_p (of the likeliest), one draw. The draw depends on seed, choice and position only
// (Philox counter, Salmon et al. 2011), never on the batch.
class Sampler {
 public:
  // prompt: for the repetition penalty. seed: used when params has none.
  Sampler(const SamplingParams& params, std::span<const int32_t> prompt, uint64_t seed, int choice);

  // The token for `position` of the sequence; -1 when the logits hold no number at all.
  // logits: [vocab], read-only. scratch: grown as needed, shared between samplers.
  int32_t sample(const Ops& ops, std::span<const float> logits, int position,
                 std::vector<float>& scratch);
  // The token is part of the output now.
  void accept(int32_t token);

 private:
  void adjust(std::span<float> logits) const;
  struct Candidate {
    float weight;  // exp((logit - best) / temperature): the best has 1
    int32_t token;
  };

  int32_t draw(std::span<const float> weights, double uniform) const;
  std::vector<Candidate> candidates(std::span<const float> weights) const;

  SamplingParams params_;
  uint64_t seed_;
  uint32_t choice_;
  std::unordered_map<int32_t, int>
      counts_;  // token to how often it is in the output; 0: prompt only
};

// Log-probabilities of one row: the model's own, before penalties and temperature.
struct TokenLogprobs {
  float logprob = 0;
  std::vector<std::pair<int32_t, float>> top;  // best first
};
TokenLogprobs token_logprobs(const Ops& ops, std::span<const float> logits, int32_t token, int top);

}  // namespace serval::llm
