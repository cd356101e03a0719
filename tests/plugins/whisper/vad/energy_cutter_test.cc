#include "plugins/whisper/vad/energy_cutter.h"

#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace serval::whisper {
namespace {

constexpr int64_t kSecond = 16000;

std::vector<float> noise(double seconds, float level) {
  std::mt19937 random(5);
  std::vector<float> samples(std::size_t(seconds * kSecond));
  for (float& sample : samples) sample = level * (float(random() % 2001) / 1000 - 1);
  return samples;
}

std::vector<Speech> take(EnergyCutter& cutter) {
  std::vector<Speech> chunks;
  for (Speech chunk; cutter.next(chunk);) chunks.push_back(chunk);
  return chunks;
}

TEST(EnergyCutter, CutsInTheQuietestPlace) {
  std::vector<float> samples = noise(40, 0.5f);
  for (const auto& [from, level] : {std::pair{22.0, 0.1f}, {26.0, 0.01f}, {10.0, 0.0f}})
    for (int64_t i = int64_t(from * kSecond); i < int64_t((from + 0.4) * kSecond); ++i)
      samples[std::size_t(i)] *= level;
  EnergyCutter cutter;
  cutter.push(samples);
  cutter.finish();
  const std::vector<Speech> chunks = take(cutter);
  ASSERT_EQ(chunks.size(), 2u);
  EXPECT_GE(chunks[0].end, int64_t(26.1 * kSecond));
  EXPECT_LE(chunks[0].end, int64_t(26.3 * kSecond));
  EXPECT_EQ(chunks[1], (Speech{chunks[0].end, 40 * kSecond}));
}

TEST(EnergyCutter, LosesNoSampleOfAnySound) {
  std::mt19937 random(3);
  for (const float level : {0.0f, 1e-30f, 0.3f, 65536.0f}) {
    for (const double seconds : {0.0, 0.01, 29.99, 30.0, 30.01, 95.123}) {
      const std::vector<float> samples = noise(seconds, level);
      EnergyCutter cutter, at_once;
      std::vector<Speech> chunks;
      for (std::size_t at = 0; at < samples.size();) {
        const std::size_t piece = std::min<std::size_t>(1 + random() % 5000, samples.size() - at);
        cutter.push(std::span(samples).subspan(at, piece));
        at += piece;
        for (const Speech& chunk : take(cutter)) chunks.push_back(chunk);
        EXPECT_LE(int64_t(at) - cutter.keep_from(), 31 * kSecond);
      }
      cutter.finish();
      for (const Speech& chunk : take(cutter)) chunks.push_back(chunk);
      int64_t end = 0;
      for (const Speech& chunk : chunks) {
        EXPECT_EQ(chunk.begin, end);
        EXPECT_LE(chunk.end - chunk.begin, 30 * kSecond);
        if (chunk != chunks.back()) {
          EXPECT_GE(chunk.end - chunk.begin, 20 * kSecond);
        }
        end = chunk.end;
      }
      EXPECT_EQ(end, int64_t(samples.size()));
      at_once.push(samples);
      at_once.finish();
      EXPECT_EQ(take(at_once), chunks);
    }
  }
}

}  // namespace
}  // namespace serval::whisper
