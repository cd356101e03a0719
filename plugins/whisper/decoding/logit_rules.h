// What the next token may be.
#pragma once

#include <span>
#include <vector>

#include "kernels/ops.h"
#include "plugins/whisper/decoding/decode_options.h"

namespace serval::whisper {

// In this order: repetition penalty, no repeated n-grams, suppressed tokens, blank, rules of time
// tokens (OpenAI's ApplyTimestampRules, as CTranslate2 does them). Immutable.
class LogitRules {
 public:
  // The tokenizer and ops must live as long as this. REQUIRES: check_decode_options is content.
  LogitRules(const SpeechTokenizer& tokenizer, const DecodeOptions& options, const Ops& ops);

  // logits: [vocab_size()] of the next token, tokens that are ruled out become -inf. tokens: the
  // result so far; the first `prefix` of them were given. Returns ln(sum(exp(logits))) of what is
  // left: not finite when no token is, or when a logit is no number.
  float apply(std::span<float> logits, std::span<const TokenId> tokens, std::size_t prefix) const;

  const Ops& ops() const { return ops_; }

 private:
  void penalise(std::span<float> logits, std::span<const TokenId> tokens) const;
  void forbid_repeats(std::span<float> logits, std::span<const TokenId> tokens) const;
  void pair_timestamps(std::span<float> logits, std::span<const TokenId> sampled,
                       bool has_prefix) const;

  const SpeechTokenizer& tokenizer_;
  const Ops& ops_;
  bool timestamps_, suppress_blank_;
  float repetition_penalty_;
  std::size_t no_repeat_ngram_;
  TokenId last_initial_;  // greatest time token that may be the first
  std::vector<TokenId> suppressed_;
};

}  // namespace serval::whisper
