// Logits in int8, those near the greatest computed anew.
#include "plugins/whisper/model/exact_logits.h"

#include <map>
#include <random>

#include "tests/plugins/whisper/model/test_speech.h"

namespace serval::whisper {
namespace {

constexpr int kVocab = 1500, kHidden = 40;  // no whole panels, no whole vectors

struct Head {
  std::vector<float> rows, x, exact, rough;
  std::vector<float> peaks = std::vector<float>(std::size_t(dense_panels(kVocab)));

  explicit Head(std::mt19937& rng) {
    std::normal_distribution<float> normal;
    std::uniform_real_distribution<float> error(-0.2f, 0.2f);
    for (int i = 0; i < kHidden; ++i) x.push_back(normal(rng));
    for (int word = 0; word < kVocab; ++word) {
      double sum = 0;
      for (int i = 0; i < kHidden; ++i) {
        rows.push_back(normal(rng));
        sum += double(rows.back()) * double(x[std::size_t(i)]);
      }
      exact.push_back(float(sum));
      rough.push_back(float(sum) + error(rng));
    }
  }

  std::map<int64_t, float> rescored() {
    // Two threads' parts: the second begins in the middle of a run of panels.
    note_peaks(test_ops(), rough.data(), 0, 7 * kDensePanel, peaks);
    note_peaks(test_ops(), rough.data(), 7 * kDensePanel, kVocab, peaks);
    std::map<int64_t, float> put;
    const RowTable table{reinterpret_cast<const std::byte*>(rows.data()), WeightType::f32};
    rescore_logits(test_ops(), table, x.data(), kHidden, rough, peaks,
                   [&](int64_t word, float logit) { put[word] = logit; });
    return put;
  }
};

TEST(WhisperExactLogits, ThoseNearTheGreatestAreExact) {
  std::mt19937 rng(5);
  for (int round = 0; round < 200; ++round) {
    Head head(rng);
    const auto put = head.rescored();
    const float greatest = *std::max_element(head.rough.begin(), head.rough.end());
    for (int word = 0; word < kVocab; ++word) {
      const auto at = std::size_t(word);
      const bool near = head.rough[at] >= greatest - kRescoreMargin;
      ASSERT_EQ(put.count(word), near ? 1u : 0u) << word;
      if (near) ASSERT_NEAR(put.at(word), head.exact[at], 1e-4f) << word;
    }
  }
}

// The last word's panel is not full, and it begins no run.
TEST(WhisperExactLogits, TheRightWordWins) {
  std::mt19937 rng(6);
  Head head(rng);
  const auto best = std::max_element(head.exact.begin(), head.exact.end()) - head.exact.begin();
  const std::size_t last = kVocab - 1;
  std::copy_n(head.rows.begin() + best * kHidden, kHidden, head.rows.end() - kHidden);
  head.rows[last * kHidden] += 0.05f / head.x[0];  // a little more likely, and looks less so
  head.rough[last] = head.exact[std::size_t(best)] - 0.1f;
  head.rough[std::size_t(best)] = head.exact[std::size_t(best)];
  const auto put = head.rescored();
  EXPECT_GT(put.at(int64_t(last)), put.at(best));
  for (const auto& [word, logit] : put) EXPECT_LE(logit, put.at(int64_t(last))) << word;
}

}  // namespace
}  // namespace serval::whisper
