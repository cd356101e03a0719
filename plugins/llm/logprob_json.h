// Log-probabilities in the form docs/requests.md gives them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/formats/tokenizer.h"
#include "plugins/llm/sampler.h"

namespace serval::llm {

// One entry of "tokens". logprobs: nullopt for the first token of a prompt.
std::string token_entry(const Tokenizer& tokenizer, int32_t token,
                        const std::optional<TokenLogprobs>& logprobs);

// The meta_json of a text event; "" when there is nothing to say.
std::string text_meta(const std::vector<std::string>& token_entries, const char* finish_reason,
                      bool prompt);

}  // namespace serval::llm
