#include "plugins/whisper/decoding/logit_rules.h"

#include <algorithm>
#include <cmath>

namespace serval::whisper {
namespace {

void forbid(std::span<float> logits, std::size_t begin, std::size_t end) {
  for (std::size_t i = begin; i < end; ++i) logits[i] = -INFINITY;
}

float log_add(float a, float b) {
  const float high = std::max(a, b), low = std::min(a, b);
  return std::isfinite(low) ? high + std::log1p(std::exp(low - high)) : high;
}

}  // namespace

LogitRules::LogitRules(const SpeechTokenizer& tokenizer, const DecodeOptions& options,
                       const Ops& ops)
    : tokenizer_(tokenizer),
      ops_(ops),
      timestamps_(options.timestamps != Timestamps::none),
      suppress_blank_(options.suppress_blank),
      repetition_penalty_(options.repetition_penalty),
      no_repeat_ngram_(std::size_t(options.no_repeat_ngram)) {
  const SpecialTokens& special = tokenizer.special();
  last_initial_ =
      special.timestamp_begin +
      TokenId(std::lround(double(options.max_initial_timestamp) / kSecondsPerTimestamp));
  for (const int id : options.suppress) {
    if (id >= 0)
      suppressed_.push_back(id);
    else
      suppressed_.insert(suppressed_.end(), tokenizer.non_speech().begin(),
                         tokenizer.non_speech().end());
  }
  suppressed_.insert(suppressed_.end(), {special.transcribe, special.translate, special.sot,
                                         special.sot_prev, special.sot_lm, special.no_speech});
}

float LogitRules::apply(std::span<float> logits, std::span<const TokenId> tokens,
                        std::size_t prefix) const {
  if (repetition_penalty_ != 1) penalise(logits, tokens);
  if (no_repeat_ngram_ > 0) forbid_repeats(logits, tokens);
  for (const TokenId id : suppressed_) logits[std::size_t(id)] = -INFINITY;
  if (suppress_blank_ && tokens.size() == prefix)
    for (const TokenId id : tokenizer_.blank()) logits[std::size_t(id)] = -INFINITY;
  if (!timestamps_) return ops_.log_sum_exp(logits.data(), int64_t(logits.size()));

  const std::span<const TokenId> sampled = tokens.subspan(prefix);
  pair_timestamps(logits, sampled, prefix > 0);
  // If a time, whichever, is likelier than any other token, it is a time.
  const auto begin = int64_t(tokenizer_.special().timestamp_begin);
  const float of_text = ops_.log_sum_exp(logits.data(), begin);
  const float of_times = ops_.log_sum_exp(logits.data() + begin, int64_t(logits.size()) - begin);
  if (std::isnan(of_text) || std::isnan(of_times)) return NAN;
  if (of_times > ops_.max(logits.data(), begin)) {
    forbid(logits, 0, std::size_t(begin));
    return of_times;
  }
  return log_add(of_text, of_times);
}

void LogitRules::penalise(std::span<float> logits, std::span<const TokenId> tokens) const {
  std::vector<TokenId> once(tokens.begin(), tokens.end());
  std::sort(once.begin(), once.end());
  once.erase(std::unique(once.begin(), once.end()), once.end());
  for (const TokenId id : once) {
    float& logit = logits[std::size_t(id)];
    logit = logit < 0 ? logit * repetition_penalty_ : logit / repetition_penalty_;
  }
}

// A token that would make an n-gram come a second time.
void LogitRules::forbid_repeats(std::span<float> logits, std::span<const TokenId> tokens) const {
  const std::size_t n = no_repeat_ngram_;
  if (tokens.size() < n) return;
  const std::span<const TokenId> last = tokens.last(n - 1);
  for (std::size_t i = 0; i + n <= tokens.size(); ++i)
    if (std::equal(last.begin(), last.end(), tokens.begin() + std::ptrdiff_t(i)))
      logits[std::size_t(tokens[i + n - 1])] = -INFINITY;
}

// Times come in pairs, the end of a segment and the beginning of the next, but for the first and
// the last; they never go back, and no segment is empty.
void LogitRules::pair_timestamps(std::span<float> logits, std::span<const TokenId> sampled,
                                 bool has_prefix) const {
  const SpecialTokens& special = tokenizer_.special();
  const auto begin = std::size_t(special.timestamp_begin);
  logits[std::size_t(special.no_timestamps)] = -INFINITY;
  if (sampled.empty()) {
    if (has_prefix) return;  // which begins with a time
    forbid(logits, 0, begin);
    return forbid(logits, std::min(std::size_t(last_initial_) + 1, logits.size()), logits.size());
  }
  if (!tokenizer_.is_timestamp(sampled.back())) {
    for (std::size_t i = sampled.size(); i-- > 0;) {
      if (!tokenizer_.is_timestamp(sampled[i])) continue;
      return forbid(logits, begin, std::size_t(sampled[i]) + 1);
    }
    return;
  }
  const bool closed = sampled.size() < 2 || tokenizer_.is_timestamp(sampled[sampled.size() - 2]);
  if (closed) return forbid(logits, begin, logits.size());
  forbid(logits, 0, std::size_t(special.eot));
  forbid(logits, begin, std::size_t(sampled.back()));
}

}  // namespace serval::whisper
