#include "plugins/whisper/vad/speech_segmenter.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>

namespace serval::whisper {
namespace {

constexpr int64_t kSecond = 16000;

// Windows of speech and of silence in turn, speech first.
std::vector<float> turns(std::initializer_list<int> windows) {
  std::vector<float> probabilities;
  float level = 0.9f;
  for (const int count : windows) {
    probabilities.insert(probabilities.end(), std::size_t(count), level);
    level = 0.9f - level;
  }
  return probabilities;
}

std::vector<Speech> take(SpeechSegmenter& segmenter) {
  std::vector<Speech> chunks;
  for (Speech chunk; segmenter.next(chunk);) chunks.push_back(chunk);
  return chunks;
}

std::vector<Speech> chunks_of(const std::vector<float>& probabilities, VadOptions options = {}) {
  SpeechSegmenter segmenter(options);
  segmenter.push(probabilities);
  segmenter.finish(int64_t(probabilities.size()) * kVadHop);
  return take(segmenter);
}

TEST(SpeechSegmenter, GivesNothingForSilence) {
  EXPECT_TRUE(chunks_of(turns({0, 1000})).empty());
  EXPECT_TRUE(chunks_of({}).empty());
}

TEST(SpeechSegmenter, PutsShortSpeechTogether) {
  // 3 s, 1 s of silence, 3 s, all within one chunk.
  EXPECT_EQ(chunks_of(turns({94, 31, 94})), (std::vector<Speech>{{0, 219 * kVadHop}}));
}

TEST(SpeechSegmenter, LeavesLongSilenceOut) {
  // 3 s, 10 s of silence, 3 s.
  EXPECT_EQ(chunks_of(turns({94, 312, 94})),
            (std::vector<Speech>{{0, 94 * kVadHop + 6400}, {406 * kVadHop - 6400, 500 * kVadHop}}));
}

TEST(SpeechSegmenter, CutsAtTheLongestSilenceNearTheEndOfAFullChunk) {
  // Speech of 6 s each with silences of 0.3, 0.3, 0.3, 0.6 and 0.3 s between.
  const auto probabilities = turns({188, 10, 188, 10, 188, 10, 188, 20, 188, 10, 188});
  const int64_t cut = (4 * 188 + 30 + 10) * kVadHop;  // the middle of the longest
  EXPECT_EQ(chunks_of(probabilities),
            (std::vector<Speech>{{0, cut}, {cut, int64_t(probabilities.size()) * kVadHop}}));
}

TEST(SpeechSegmenter, CutsSpeechThatNeverPauses) {
  const std::vector<Speech> chunks = chunks_of(turns({4000}));
  ASSERT_GE(chunks.size(), 5u);
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    EXPECT_LE(chunks[i].end - chunks[i].begin, 30 * kSecond);
    if (i > 0) {
      EXPECT_EQ(chunks[i].begin, chunks[i - 1].end);
    }
  }
  EXPECT_EQ(chunks.front().begin, 0);
  EXPECT_EQ(chunks.back().end, 4000 * kVadHop);
}

TEST(SpeechSegmenter, GivesAChunkOnceItsSilenceIsTooLong) {
  SpeechSegmenter segmenter({});
  segmenter.push(turns({94, 60}));
  EXPECT_TRUE(take(segmenter).empty());
  segmenter.push(turns({0, 60}));
  EXPECT_EQ(take(segmenter), (std::vector<Speech>{{0, 94 * kVadHop + 6400}}));
}

std::vector<float> random_probabilities(std::mt19937& random, std::size_t count) {
  std::vector<float> probabilities;
  const unsigned longest = 1 + random() % 200;
  while (probabilities.size() < count) {
    const float low = random() % 3 == 0 ? 0.0f : 0.45f;
    for (unsigned i = random() % longest + 1; i > 0; --i)
      probabilities.push_back(low + float(random() % 1000) / 2000);
  }
  return probabilities;
}

// What holds for any input: chunks are ordered, short enough, made of whole pieces, lose no speech,
// are never older than keep_from() said, and do not depend on how the input is cut.
TEST(SpeechSegmenter, KeepsItsPromisesOnRandomSpeech) {
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    VadOptions options;
    options.min_speech_ms = random() % 2 == 0 ? 0 : 100;
    options.min_silence_ms = int(random() % 500);
    options.speech_pad_ms = int(random() % 500);
    options.max_seconds = 5 + float(random() % 26);
    options.max_gap_ms = int(random() % 4000);
    const std::vector<float> probabilities = random_probabilities(random, 2000);
    const int64_t samples = int64_t(probabilities.size()) * kVadHop - int64_t(random() % kVadHop);

    SpeechSegmenter segmenter(options);
    std::vector<Speech> chunks;
    int64_t keep_from = 0;
    for (std::size_t at = 0; at < probabilities.size();) {
      const std::size_t piece = std::min<std::size_t>(1 + random() % 50, probabilities.size() - at);
      segmenter.push(std::span(probabilities).subspan(at, piece));
      at += piece;
      for (const Speech& chunk : take(segmenter)) {
        EXPECT_GE(chunk.begin, keep_from);
        chunks.push_back(chunk);
      }
      EXPECT_GE(segmenter.keep_from(), keep_from);
      keep_from = segmenter.keep_from();
    }
    segmenter.finish(samples);
    for (const Speech& chunk : take(segmenter)) chunks.push_back(chunk);

    SpeechSegmenter at_once(options);
    at_once.push(probabilities);
    at_once.finish(samples);
    EXPECT_EQ(take(at_once), chunks);

    SpeechDetector detector(options);
    for (const float probability : probabilities) detector.push(probability);
    detector.finish(samples);
    std::size_t chunk = 0;
    while (const std::optional<SpeechPiece> piece = detector.next()) {
      while (chunk < chunks.size() && chunks[chunk].end < piece->speech.end) ++chunk;
      ASSERT_LT(chunk, chunks.size());
      EXPECT_LE(chunks[chunk].begin, piece->speech.begin);
    }
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      EXPECT_LT(chunks[i].begin, chunks[i].end);
      EXPECT_LE(double(chunks[i].end - chunks[i].begin), double(options.max_seconds) * kSecond);
      EXPECT_LE(chunks[i].end, samples);
      if (i > 0) {
        EXPECT_GE(chunks[i].begin, chunks[i - 1].end);
      }
    }
  }
}

}  // namespace
}  // namespace serval::whisper
