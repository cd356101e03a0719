#include "plugins/whisper/decoding/window_decoder.h"

#include <algorithm>
#include <cmath>

#include "plugins/whisper/decoding/compression_ratio.h"
#include "plugins/whisper/decoding/text_strip.h"

namespace serval::whisper {
namespace {

// A short window without its padding that makes more tokens than any speech is in a loop.
constexpr double kTokensPerSecond = 8, kTokensMore = 10;

std::string fixed(float value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", double(value));
  return text;
}

}  // namespace

WindowDecoder::WindowDecoder(const SpeechTokenizer& tokenizer, const DecodeOptions& options,
                             const Ops& ops, Window window)
    : tokenizer_(tokenizer),
      options_(options),
      ops_(ops),
      rules_(tokenizer, options_, ops),
      window_(std::move(window)) {
  begin();
}

int WindowDecoder::slots() const {
  int most = 1;
  for (const float temperature : options_.temperatures)
    most = std::max(most, temperature > 0 ? options_.best_of : options_.beam_size);
  return most;
}

void WindowDecoder::restart() {
  window_.full_padding = true;
  begin();
}

void WindowDecoder::begin() {
  result_ = {};
  attempts_.clear();
  rung_ = 0;
  draft_at_ = 0;
  done_ = false;
  sot_is_in_memory_ = false;
  const LanguageToken* language = nullptr;
  if (!tokenizer_.multilingual()) {
    result_.language = "en";
  } else if (!options_.language.empty()) {
    language = tokenizer_.find_language_token(options_.language);
    result_.language = language->language->code;
  } else {
    detect_tokens_ = {tokenizer_.special().sot};
    return ask_one(Phase::detect, -1, detect_tokens_, Rows::last);
  }
  prompt_ = build_prompt(tokenizer_, options_, language, window_.previous);
  begin_attempt();
}

void WindowDecoder::ask_one(Phase phase, int parent, std::span<const TokenId> tokens, Rows rows) {
  phase_ = phase;
  asks_.assign(1, Ask{0, parent, tokens, rows});
}

void WindowDecoder::begin_attempt() {
  const float temperature = options_.temperatures[rung_];
  if (temperature > 0 || options_.beam_size > 1) draft_at_ = window_.draft.size();
  Search::Plan plan{prompt_.prefix, prompt_.most_tokens(options_), tokenizer_.special().eot,
                    options_.length_penalty};
  if (temperature == 0 && options_.beam_size > 1)
    search_ = make_beam_search(rules_, std::move(plan), options_.beam_size, options_.patience);
  else
    search_ = make_sampled_search(rules_, std::move(plan), temperature, options_.best_of,
                                  options_.seed, int(rung_));
  if (!prompt_.context.empty()) return ask_one(Phase::context, -1, prompt_.context, Rows::none);
  ask_after_context();
}

// The start token's logits tell whether there is speech; where it was run to detect the language,
// they are known.
void WindowDecoder::ask_after_context() {
  const bool fresh = prompt_.context.empty();
  const std::span<const TokenId> head(prompt_.head);
  if (sot_is_in_memory_ && fresh) {
    sot_is_in_memory_ = false;  // an attempt after this one begins anew
    return ask_one(Phase::head, 0, head.subspan(1), Rows::all);
  }
  ask_one(Phase::head, fresh ? -1 : 0, head, Rows::all);
}

void WindowDecoder::answer(std::span<float* const> logits, int vocab) {
  const auto size = std::size_t(tokenizer_.vocab_size());
  const auto row = [&](std::size_t i) { return std::span<float>(logits[i], size); };
  switch (phase_) {
    case Phase::detect:
      return answer_detect(row(0));
    case Phase::context:
      return ask_after_context();
    case Phase::head:
      return answer_head(logits[0], vocab);
    case Phase::prefix:
      return step(std::vector{row(0)});
    case Phase::search: {
      std::vector<std::span<float>> rows;
      for (std::size_t i = 0; i < logits.size(); ++i) rows.push_back(row(i));
      return step(rows);
    }
    case Phase::draft:
      return answer_draft(logits[0], vocab);
  }
}

void WindowDecoder::answer_detect(std::span<float> logits) {
  read_no_speech(logits);
  const LanguageToken* best = &tokenizer_.languages()[0];
  std::vector<float> of_languages;
  for (const LanguageToken& token : tokenizer_.languages()) {
    const float logit = logits[std::size_t(token.id)];
    of_languages.push_back(logit);
    if (logit > logits[std::size_t(best->id)]) best = &token;
  }
  const float total = ops_.log_sum_exp(of_languages.data(), int64_t(of_languages.size()));
  result_.language = best->language->code;
  result_.language_prob = std::exp(logits[std::size_t(best->id)] - total);
  prompt_ = build_prompt(tokenizer_, options_, best, window_.previous);
  sot_is_in_memory_ = true;
  begin_attempt();
}

void WindowDecoder::answer_head(float* rows, int vocab) {
  const auto size = std::size_t(tokenizer_.vocab_size());
  const Ask& ask = asks_[0];
  if (ask.tokens[0] == tokenizer_.special().sot) read_no_speech({rows, size});
  if (!prompt_.prefix.empty()) return ask_one(Phase::prefix, 0, prompt_.prefix, Rows::last);
  float* last = rows + (ask.tokens.size() - 1) * std::size_t(vocab);
  step(std::vector{std::span<float>(last, size)});
}

void WindowDecoder::read_no_speech(std::span<const float> logits) {
  const float total = ops_.log_sum_exp(logits.data(), int64_t(logits.size()));
  result_.no_speech_prob = std::exp(logits[std::size_t(tokenizer_.special().no_speech)] - total);
}

void WindowDecoder::step(std::span<const std::span<float>> logits) {
  search_->step(logits);
  if (search_->done() || runs_away()) return judge();
  ask_search();
}

void WindowDecoder::ask_search() {
  phase_ = Phase::search;
  asks_.clear();
  const std::span<const Extension> found = search_->extensions();
  if (draft_at_ < window_.draft.size() && found.size() == 1 && found[0].slot == found[0].parent)
    return ask_draft(found[0].token[0]);
  for (const Extension& one : search_->extensions())
    asks_.push_back({one.slot, one.parent, one.token, Rows::last});
}

// The token that was found and the part of the draft that follows it, if the draft has it where it
// is expected or a little behind; a draft that lost its way is followed no longer.
void WindowDecoder::ask_draft(TokenId next) {
  constexpr std::size_t kMostSkipped = 3;
  const std::vector<TokenId>& draft = window_.draft;
  const auto from = draft.begin() + std::ptrdiff_t(draft_at_);
  const auto to = from + std::ptrdiff_t(std::min(draft.size() - draft_at_, kMostSkipped + 1));
  const auto at = std::find(from, to, next);
  draft_tokens_.assign(1, next);
  if (at == to) {
    draft_at_ = draft.size();
  } else {
    draft_at_ = std::size_t(at - draft.begin()) + 1;
    // The result, and the memory, have room for so many.
    const int room = prompt_.most_tokens(options_) - int(prompt_.prefix.size() + search_->length());
    const std::size_t more =
        std::min(draft.size() - draft_at_, std::size_t(std::clamp(room, 0, kMostRows - 1)));
    draft_tokens_.insert(draft_tokens_.end(), at + 1, at + 1 + std::ptrdiff_t(more));
  }
  phase_ = Phase::draft;
  asks_.assign(1, Ask{0, 0, draft_tokens_, Rows::all});
}

// As many steps of the search as its tokens are those of the draft.
void WindowDecoder::answer_draft(float* rows, int vocab) {
  const auto size = std::size_t(tokenizer_.vocab_size());
  std::size_t run = 0;
  while (true) {
    search_->step(std::vector{std::span<float>(rows + run * std::size_t(vocab), size)});
    ++run;
    if (search_->done() || runs_away()) return judge();
    const TokenId next = search_->extensions()[0].token[0];
    if (run == draft_tokens_.size() || next != draft_tokens_[run]) break;
    ++draft_at_;
  }
  const int wrong = int(draft_tokens_.size() - run);
  ask_search();
  asks_[0].dropped = wrong;
}

// A loop need not be read to its end.
bool WindowDecoder::runs_away() const {
  return !window_.full_padding &&
         double(search_->length()) > kTokensPerSecond * window_.seconds + kTokensMore;
}

void WindowDecoder::judge() {
  WindowResult now = result_;
  now.temperature = options_.temperatures[rung_];
  now.attempts = int(rung_) + 1;
  const Finished* best = search_->done() && !runs_away() ? search_->best() : nullptr;
  bool passes = best != nullptr;
  if (best != nullptr) {
    now.tokens = best->tokens;
    now.avg_logprob = float(best->average(prompt_.prefix.size()));
    now.compression_ratio = float(compression_ratio(stripped(tokenizer_.decode(now.tokens))));
    const bool guessed = now.avg_logprob < options_.log_prob_threshold;
    now.silent = guessed && now.no_speech_prob > options_.no_speech_threshold;
    passes = !guessed && !(now.compression_ratio > options_.compression_ratio_threshold);
    // Silence passes with whatever the model made of it, but only where it was seen whole.
    passes = passes || (now.silent && window_.full_padding);
  }
  done_ = passes || !window_.full_padding;
  if (passes) {
    result_ = std::move(now);
  } else if (!window_.full_padding) {
    result_ = std::move(now);
    result_.verdict = Verdict::retry_full_padding;
  } else {
    if (best != nullptr) attempts_.push_back(std::move(now));
    if (++rung_ < options_.temperatures.size()) return begin_attempt();
    settle();
  }
  asks_.clear();
  search_.reset();
}

// No temperature passed: the likeliest of the results that do not repeat themselves, else of all.
void WindowDecoder::settle() {
  done_ = true;
  const WindowResult* best = nullptr;
  const auto repeats = [&](const WindowResult& one) {
    return one.compression_ratio > options_.compression_ratio_threshold;
  };
  for (const WindowResult& one : attempts_) {
    const bool better = best == nullptr || (repeats(*best) && !repeats(one)) ||
                        (repeats(*best) == repeats(one) && one.avg_logprob > best->avg_logprob);
    if (better) best = &one;
  }
  if (best == nullptr) {
    result_.verdict = Verdict::failed;
    result_.why = "the model gave no token at any temperature";
  } else {
    const std::string tried =
        " at every one of " + std::to_string(options_.temperatures.size()) +
        (options_.temperatures.size() == 1 ? " temperature" : " temperatures");
    const bool looped = repeats(*best);
    result_ = *best;
    result_.silent = false;
    result_.verdict = looped ? Verdict::failed : Verdict::degraded;
    result_.why = looped ? "the text repeats itself" + tried + " (compression ratio " +
                               fixed(result_.compression_ratio) + ")"
                         : "the model is not sure of the text" + tried +
                               " (average log-probability " + fixed(result_.avg_logprob) + ")";
  }
  // What follows must not be conditioned on it, and clients see how far the ladder was climbed.
  result_.temperature = options_.temperatures.back();
  result_.attempts = int(options_.temperatures.size());
}

}  // namespace serval::whisper
