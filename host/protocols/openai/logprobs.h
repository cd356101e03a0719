// Log-probabilities of tokens in OpenAI's two forms.
#pragma once

#include <cstdint>
#include <string>

#include "common/json.h"

namespace serval::host {

// tokens: as EventMeta holds them, docs/requests.md says how.
// Chat: appends {"token","logprob","bytes","top_logprobs"} for each, with commas between.
void append_chat_logprobs(std::string& out, const json::array& tokens);

// Completions: four arrays side by side. Collects the tokens of one choice over many events.
class LegacyLogprobs {
 public:
  // top: how many were asked for; 0 leaves top_logprobs null.
  explicit LegacyLogprobs(int top) : top_(top) {}

  void add(const json::array& tokens);
  bool empty() const { return tokens_.empty(); }
  std::size_t bytes() const;  // held

  // Appends {"tokens","token_logprobs","top_logprobs","text_offset"} and forgets them; offsets go
  // on counting, in characters of the choice's text (with the echoed prompt).
  void write(std::string& out);

 private:
  const int top_;
  std::string tokens_, logprobs_, tops_, offsets_;  // array members with commas between
  int64_t offset_ = 0;
};

}  // namespace serval::host
