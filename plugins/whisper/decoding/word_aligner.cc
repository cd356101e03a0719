#include "plugins/whisper/decoding/word_aligner.h"

#include <algorithm>
#include <cmath>

#include "plugins/whisper/decoding/alignment.h"

namespace serval::whisper {

WordAligner::WordAligner(const SpeechTokenizer& tokenizer, const Ops& ops,
                         std::span<const Segment> segments, std::string_view language,
                         bool translate, int frames, int alignment_heads)
    : tokenizer_(tokenizer),
      ops_(ops),
      language_(language),
      states_(frames / kFramesPerTimestamp),
      heads_(alignment_heads) {
  const SpecialTokens& special = tokenizer.special();
  row_.push_back(special.sot);
  if (tokenizer.multilingual()) {
    if (const LanguageToken* token = tokenizer.find_language_token(language))
      row_.push_back(token->id);
    row_.push_back(translate ? special.translate : special.transcribe);
  }
  skip_ = row_.size();
  row_.push_back(special.no_timestamps);
  for (const Segment& segment : segments)
    for (const TokenId id : segment.tokens)
      if (tokenizer.is_text(id)) row_.push_back(id);
  // Beside the end there is room for 448 - 1.
  if (row_.size() > std::size_t(kTextPositions) - 1) row_.resize(std::size_t(kTextPositions) - 1);
  row_.push_back(special.eot);
  weights_.resize(std::size_t(heads_) * row_.size() * std::size_t(states_));
  probabilities_.resize(row_.size());
  if (row_.size() == skip_ + 2 || states_ < 1 || heads_ < 1) asked_ = row_.size();  // no words
}

std::span<const TokenId> WordAligner::ask() const {
  const std::span<const TokenId> left = std::span(row_).subspan(asked_);
  return left.first(std::min(left.size(), std::size_t(kMostTokens)));
}

void WordAligner::answer(const float* weights, int stride, float* logits, int vocab) {
  const std::size_t n = ask().size(), states = std::size_t(states_);
  for (std::size_t h = 0; h < std::size_t(heads_); ++h)
    for (std::size_t t = 0; t < n; ++t) {
      const float* from = weights + (h * n + t) * std::size_t(stride);
      float* to = weights_.data() + (h * row_.size() + asked_ + t) * states;
      double sum = 0;
      for (std::size_t s = 0; s < states; ++s) sum += double(from[s]);
      // What the model saw in the padding does not count: the softmax is over the real audio.
      const float scale = sum > 0 ? float(1 / sum) : 0;
      for (std::size_t s = 0; s < states; ++s) to[s] = from[s] * scale;
    }
  const auto eot = int64_t(tokenizer_.special().eot);
  for (std::size_t t = 0; t < n; ++t) {
    const std::size_t at = asked_ + t;
    if (at < skip_ || at + 2 >= row_.size()) continue;
    const float* row = logits + t * std::size_t(vocab);
    probabilities_[at] = std::exp(row[row_[at + 1]] - ops_.log_sum_exp(row, eot));
  }
  asked_ += n;
}

std::vector<AlignedWord> WordAligner::words() {
  const std::vector<int> first =
      align_tokens(weights_, heads_, int(row_.size()), states_, int(skip_));
  const std::span<const TokenId> text = std::span(row_).subspan(skip_ + 1);  // and the end
  if (first.empty() || text.size() < 2) return {};
  std::vector<TokenWord> parts = split_words(tokenizer_, language_, text);
  std::vector<AlignedWord> out;
  std::size_t at = 0;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {  // the last is the end
    const std::size_t next = at + parts[i].tokens.size();
    AlignedWord word{std::move(parts[i].text), std::move(parts[i].tokens),
                     first[at] * kSecondsPerTimestamp, first[next] * kSecondsPerTimestamp};
    double sum = 0;
    for (std::size_t t = at; t < next; ++t) sum += double(probabilities_[skip_ + t]);
    word.probability = float(sum / double(next - at));
    out.push_back(std::move(word));
    at = next;
  }
  return out;
}

}  // namespace serval::whisper
