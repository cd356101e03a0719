#include <cmath>

#include "plugins/whisper/decoding/word_aligner.h"
#include "tests/plugins/whisper/decoding/golden.h"

namespace serval::whisper {
namespace {

std::vector<Segment> segments_of(const json::value& one) {
  std::vector<Segment> out;
  for (const json::value& segment : one.at("segments").as_array()) {
    const auto tokens = row_of<TokenId>(segment.at(2));
    out.push_back({segment.at(0).to_number<double>(),
                   segment.at(1).to_number<double>(),
                   tokens,
                   small_tokenizer().decode(tokens),
                   {}});
  }
  return out;
}

// Plays the model: rows of logits in which the wanted token is `raised`, and the golden weights
// spread over 1500 states of which those behind the real audio have some too.
void feed(WordAligner& aligner, const json::value& one) {
  constexpr int kStride = 1500, kSkip = 3;
  const int vocab = small_tokenizer().vocab_size() + 7;
  const int heads = one.at("heads").to_number<int>();
  const int states = one.at("frames").to_number<int>() / 2;
  const auto golden_weights = row_of<float>(one.at("weights"));
  const auto raised = row_of<float>(one.at("raised"));
  const int tokens = int(golden_weights.size()) / heads / states;
  std::vector<TokenId> text;
  for (const Segment& segment : segments_of(one))
    for (const TokenId id : segment.tokens)
      if (small_tokenizer().is_text(id)) text.push_back(id);
  int at = 0;
  while (!aligner.done()) {
    const int n = int(aligner.ask().size());
    ASSERT_GT(n, 0);
    std::vector<float> weights(std::size_t(heads * n * kStride), .5f / kStride);
    std::vector<float> logits(std::size_t(n * vocab), 0);
    for (int t = 0; t < n; ++t, ++at) {
      for (int h = 0; h < heads; ++h)
        for (int s = 0; s < states; ++s)
          weights[std::size_t((h * n + t) * kStride + s)] =
              .6f * golden_weights[std::size_t((h * tokens + at) * states + s)];
      if (at >= kSkip && at - kSkip < int(text.size()))
        logits[std::size_t(t * vocab + text[std::size_t(at - kSkip)])] =
            raised[std::size_t(at - kSkip)];
    }
    aligner.answer(weights.data(), kStride, logits.data(), vocab);
  }
  EXPECT_EQ(at, tokens);
}

TEST(Words, EqualFasterWhispers) {
  const json::value cases = golden("words.json");
  for (const json::value& one : cases.as_array()) {
    std::vector<Segment> segments = segments_of(one);
    WordAligner aligner(small_tokenizer(), ops(), segments, "en", false,
                        one.at("frames").to_number<int>(), one.at("heads").to_number<int>());
    feed(aligner, one);
    std::vector<AlignedWord> words = aligner.words();
    const WordDurations durations = shorten_words(words);
    merge_punctuation(words);
    double last = one.at("last_speech_end").to_number<double>();
    place_words(small_tokenizer(), words, durations, one.at("offset").to_number<double>(), segments,
                last);
    EXPECT_NEAR(last, one.at("speech_end").to_number<double>(), 1e-6);
    const json::array& wanted = one.at("placed").as_array();
    ASSERT_EQ(segments.size(), wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      EXPECT_NEAR(segments[i].start, wanted[i].at(0).to_number<double>(), 1e-6);
      EXPECT_NEAR(segments[i].end, wanted[i].at(1).to_number<double>(), 1e-6);
      const json::array& placed = wanted[i].at(2).as_array();
      ASSERT_EQ(segments[i].words.size(), placed.size()) << wanted[i];
      for (std::size_t w = 0; w < placed.size(); ++w) {
        const Word& word = segments[i].words[w];
        EXPECT_EQ(word.text, text_of(placed[w].at(0)));
        EXPECT_NEAR(word.start, placed[w].at(1).to_number<double>(), 1e-6) << word.text;
        EXPECT_NEAR(word.end, placed[w].at(2).to_number<double>(), 1e-6) << word.text;
        EXPECT_NEAR(word.probability, placed[w].at(3).to_number<float>(), 1e-4) << word.text;
      }
    }
  }
}

TEST(Words, ThereAreNoneWithoutTextOrAudio) {
  std::vector<Segment> segments{{0, 1, {}, "", {}}};
  WordAligner empty(small_tokenizer(), ops(), segments, "en", false, 100, 2);
  EXPECT_TRUE(empty.done());
  EXPECT_TRUE(empty.words().empty());
  segments[0].tokens = small_tokenizer().encode(" fellow");
  WordAligner instant(small_tokenizer(), ops(), segments, "en", false, 1, 2);
  EXPECT_TRUE(instant.done());
  EXPECT_TRUE(instant.words().empty());
  double last = 0;
  place_words(small_tokenizer(), {}, {}, 0, segments, last);
  EXPECT_TRUE(segments[0].words.empty());
}

TEST(Words, AnEnglishModelIsShownNoLanguage) {
  std::vector<Segment> segments{{0, 1, english_tokenizer().encode(" fellow"), "", {}}};
  WordAligner aligner(english_tokenizer(), ops(), segments, "en", false, 100, 2);
  const SpecialTokens& special = english_tokenizer().special();
  ASSERT_GE(aligner.ask().size(), 3u);
  EXPECT_EQ(aligner.ask()[0], special.sot);
  EXPECT_EQ(aligner.ask()[1], special.no_timestamps);
}

TEST(Words, ALongResultIsCutToThePositions) {
  std::vector<Segment> segments{{0, 1, std::vector<TokenId>(1000, 300), "", {}}};
  WordAligner aligner(small_tokenizer(), ops(), segments, "en", false, 100, 1);
  std::size_t asked = 0;
  const std::vector<float> weights(WordAligner::kMostTokens * 1500, 1e-3f);
  std::vector<float> logits(std::size_t(WordAligner::kMostTokens) * 1933, 0);
  while (!aligner.done()) {
    asked += aligner.ask().size();
    aligner.answer(weights.data(), 1500, logits.data(), 1933);
  }
  EXPECT_EQ(asked, std::size_t(kTextPositions));
  EXPECT_FALSE(aligner.words().empty());
}

AlignedWord word(const char* text, double start, double end) { return {text, {1}, start, end, 1}; }

TEST(Punctuation, GoesToItsWord) {
  std::vector<AlignedWord> words{word(" \"", 0, 0), word(" (", 0, 0),  word("so", 0, 1),
                                 word(")", 1, 1),   word(" it", 1, 2), word(".", 2, 2),
                                 word("\"", 2, 2)};
  merge_punctuation(words);
  std::vector<std::string> texts;
  for (const AlignedWord& one : words) texts.push_back(one.text);
  EXPECT_EQ(texts, (std::vector<std::string>{"", "", " \" (so)", "", " it.\"", "", ""}));
  EXPECT_EQ(words[2].tokens.size(), 4u);
  std::vector<AlignedWord> none;
  merge_punctuation(none);
  EXPECT_TRUE(none.empty());
}

TEST(Durations, LongWordsAtSentenceEndsAreCut) {
  std::vector<AlignedWord> words{word(" a", 0, .2), word(" b", .2, .4), word(".", .4, 3),
                                 word(" c", 3, 5), word(" d", 5, 5.2)};
  const WordDurations durations = shorten_words(words);
  EXPECT_NEAR(durations.median, .2, 1e-9);
  EXPECT_NEAR(words[2].end, .8, 1e-9);
  EXPECT_NEAR(words[3].start, 4.6, 1e-9);
}

}  // namespace
}  // namespace serval::whisper
