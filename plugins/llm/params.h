// The parameters of one chat or complete request. docs/requests.md says what they mean.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/json.h"

namespace serval::llm {

// How the next token is drawn. Members' defaults are the model's, where [model.config] sets none.
struct SamplingParams {
  float temperature = 1.0f;
  float top_p = 1.0f;
  float min_p = 0.0f;
  int top_k = 0;  // 0: all
  float repetition_penalty = 1.0f;
  float frequency_penalty = 0.0f;
  float presence_penalty = 0.0f;
  std::vector<std::pair<int32_t, float>> logit_bias;
  std::optional<uint64_t> seed;

  // The next token is the greatest logit's, as the model gives it.
  bool takes_greatest() const {
    return (temperature == 0 || top_k == 1) && !penalises() && logit_bias.empty();
  }
  bool penalises() const {
    return repetition_penalty != 1.0f || frequency_penalty != 0.0f || presence_penalty != 0.0f;
  }
};

struct GenerateParams {
  SamplingParams sampling;
  int max_tokens = -1;  // -1: not given
  std::vector<std::string> stop;
  int n = 1;
  bool logprobs = false;
  int top_logprobs = 0;
  bool echo = false;
  bool ignore_eos = false;
  std::optional<std::vector<int32_t>> prompt_tokens;
  json::object template_params;  // chat: more variables for the template
  std::optional<json::array> tools;
};

// Reads params_json for an op ("chat" or "complete"). Errors name the parameter.
// vocab_size bounds token ids.
Result<GenerateParams> parse_params(std::string_view params_json, bool chat, int vocab_size,
                                    const SamplingParams& defaults);

}  // namespace serval::llm
