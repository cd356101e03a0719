#include "plugins/whisper/decoding/segments.h"

#include <algorithm>

#include "plugins/whisper/decoding/text_strip.h"

namespace serval::whisper {
namespace {

class Splitter {
 public:
  Splitter(const SpeechTokenizer& tokenizer, std::span<const TokenId> tokens, double offset)
      : tokenizer_(tokenizer), tokens_(tokens), offset_(offset) {}

  bool time_at(std::size_t i) const { return tokenizer_.is_timestamp(tokens_[i]); }
  int index_at(std::size_t i) const { return tokens_[i] - tokenizer_.special().timestamp_begin; }
  double seconds_at(std::size_t i) const {
    // A result may begin or end with text, as a prefix or the limit of tokens makes it.
    return offset_ + std::max(index_at(i), 0) * kSecondsPerTimestamp;
  }

  // Ends of the closed segments: places between two times.
  std::vector<std::size_t> cuts() const {
    std::vector<std::size_t> out;
    for (std::size_t i = 1; i < tokens_.size(); ++i)
      if (time_at(i) && time_at(i - 1)) out.push_back(i);
    return out;
  }

  Segment segment(std::size_t begin, std::size_t end, double start_s, double end_s) const {
    const std::span<const TokenId> own = tokens_.subspan(begin, end - begin);
    return {start_s, end_s, {own.begin(), own.end()}, tokenizer_.decode(own), {}};
  }

 private:
  const SpeechTokenizer& tokenizer_;
  const std::span<const TokenId> tokens_;
  const double offset_;
};

}  // namespace

std::vector<Segment> split_window(const SpeechTokenizer& tokenizer, std::span<const TokenId> tokens,
                                  int frames, double offset) {
  const Splitter splitter(tokenizer, tokens, offset);
  const std::size_t n = tokens.size();
  std::vector<std::size_t> cuts = splitter.cuts();
  double end = offset + frames / double(kFramesPerSecond);
  if (cuts.empty()) {
    for (std::size_t i = n; i-- > 0;) {
      if (!splitter.time_at(i)) continue;
      if (splitter.index_at(i) > 0) end = splitter.seconds_at(i);
      break;
    }
    return {splitter.segment(0, n, offset, end)};
  }
  // A last time without a second one closes a segment too: nothing is spoken after it.
  if (n >= 2 && !splitter.time_at(n - 2) && splitter.time_at(n - 1)) cuts.push_back(n);
  std::vector<Segment> out;
  std::size_t begin = 0;
  for (const std::size_t cut : cuts) {
    out.push_back(
        splitter.segment(begin, cut, splitter.seconds_at(begin), splitter.seconds_at(cut - 1)));
    begin = cut;
  }
  if (begin < n)
    out.push_back(splitter.segment(begin, n, std::min(splitter.seconds_at(begin), end), end));
  return out;
}

void drop_empty(std::vector<Segment>& segments) {
  std::erase_if(segments, [](const Segment& segment) {
    return segment.start == segment.end || stripped(segment.text).empty();
  });
}

}  // namespace serval::whisper
