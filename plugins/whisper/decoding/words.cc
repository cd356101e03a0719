#include <algorithm>
#include <cmath>

#include "plugins/whisper/decoding/text_strip.h"
#include "plugins/whisper/decoding/word_aligner.h"

namespace serval::whisper {
namespace {

// Sets of marks; a word belongs to one if it is a part of the set's text, as in the reference.
constexpr std::string_view kSentenceEnds = ".。!！?？";
constexpr std::string_view kPrepended = "\"'“¿([{-";
constexpr std::string_view kAppended = "\"'.。,，!！?？:：”)]}、";
constexpr double kLongestMedian = .7;
constexpr double kTolerance = .5;  // seconds that a segment's time may differ from a word's

bool is_in(std::string_view word, std::string_view marks) { return marks.find(word) != marks.npos; }

double to_hundredths(double seconds) { return std::nearbyint(seconds * 100) / 100; }

double median_of(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

// The first words after a pause tend to begin in it.
void shorten_after_pause(std::vector<Word>& words, const WordDurations& durations,
                         double last_speech_end) {
  Word& first = words[0];
  const bool two = words.size() > 1;
  const bool after_pause = first.end - last_speech_end > durations.median * 4;
  const bool too_long = first.end - first.start > durations.longest ||
                        (two && words[1].end - first.start > durations.longest * 2);
  if (!after_pause || !too_long) return;
  if (two && words[1].end - words[1].start > durations.longest)
    first.end = words[1].start = std::max(words[1].end / 2, words[1].end - durations.longest);
  first.start = std::max(0., first.end - durations.longest);
}

// The times of a segment are those of its words, unless these reach too far out of it.
void fit(Segment& segment, const WordDurations& durations) {
  Word& first = segment.words.front();
  if (segment.start < first.end && segment.start - kTolerance > first.start)
    first.start = std::max(0., std::min(first.end - durations.median, segment.start));
  else
    segment.start = first.start;
  Word& last = segment.words.back();
  if (segment.end > last.start && segment.end + kTolerance < last.end)
    last.end = std::max(last.start + durations.median, segment.end);
  else
    segment.end = last.end;
}

}  // namespace

WordDurations shorten_words(std::vector<AlignedWord>& words) {
  std::vector<double> durations;
  for (const AlignedWord& word : words)
    if (word.end != word.start) durations.push_back(word.end - word.start);
  WordDurations out;
  out.median = std::min(kLongestMedian, median_of(durations));
  out.longest = out.median * 2;
  if (durations.empty()) return out;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i].end - words[i].start <= out.longest) continue;
    if (is_in(words[i].text, kSentenceEnds))
      words[i].end = words[i].start + out.longest;
    else if (is_in(words[i - 1].text, kSentenceEnds))
      words[i].start = words[i].end - out.longest;
  }
  return out;
}

void merge_punctuation(std::vector<AlignedWord>& words) {
  const auto move_text = [](AlignedWord& from, AlignedWord& to, bool before) {
    to.text.insert(before ? 0 : to.text.size(), from.text);
    to.tokens.insert(before ? to.tokens.begin() : to.tokens.end(), from.tokens.begin(),
                     from.tokens.end());
    from.text.clear();
    from.tokens.clear();
  };
  if (words.empty()) return;
  std::size_t following = words.size() - 1;
  for (std::size_t i = words.size() - 1; i-- > 0;) {
    if (words[i].text.starts_with(' ') && is_in(stripped(words[i].text), kPrepended))
      move_text(words[i], words[following], true);
    else
      following = i;
  }
  std::size_t previous = 0;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (!words[previous].text.ends_with(' ') && is_in(words[i].text, kAppended))
      move_text(words[i], words[previous], false);
    else
      previous = i;
  }
}

void place_words(const SpeechTokenizer& tokenizer, std::span<const AlignedWord> words,
                 const WordDurations& durations, double offset, std::vector<Segment>& segments,
                 double& last_speech_end) {
  std::size_t at = 0;
  for (Segment& segment : segments) {
    const auto wanted = std::count_if(segment.tokens.begin(), segment.tokens.end(),
                                      [&](TokenId id) { return tokenizer.is_text(id); });
    segment.words.clear();
    for (std::ptrdiff_t taken = 0; at < words.size() && taken < wanted; ++at) {
      const AlignedWord& word = words[at];
      taken += std::ptrdiff_t(word.tokens.size());
      if (!word.text.empty())
        segment.words.push_back({word.text, to_hundredths(offset + word.start),
                                 to_hundredths(offset + word.end), word.probability});
    }
    if (segment.words.empty()) continue;
    shorten_after_pause(segment.words, durations, last_speech_end);
    fit(segment, durations);
    last_speech_end = segment.end;
  }
}

}  // namespace serval::whisper
