#include "plugins/whisper/model/exact_logits.h"

#include <algorithm>
#include <limits>
#include <vector>

namespace serval::whisper {
namespace {

constexpr int64_t kRun = 16;  // panels

// In one order, so that a row has the same bits in any company.
float dot(const float* a, const float* b, int n) {
  constexpr int kSums = 16;
  float sums[kSums] = {};
  int i = 0;
  for (; i + kSums <= n; i += kSums)
    for (int lane = 0; lane < kSums; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  float sum = 0;
  for (; i < n; ++i) sum += a[i] * b[i];
  for (const float part : sums) sum += part;
  return sum;
}

}  // namespace

void note_peaks(const Ops& ops, const float* logits, int64_t first, int64_t last,
                std::span<float> peaks) {
  const auto noted =
      peaks.subspan(std::size_t(first / kDensePanel), std::size_t(dense_panels(last - first)));
  std::fill(noted.begin(), noted.end(), -std::numeric_limits<float>::infinity());
  for (std::size_t at = 0; at < noted.size(); at += kRun) {
    const int64_t begin = first + int64_t(at) * kDensePanel;
    noted[at] = ops.max(logits + begin, std::min(kRun * kDensePanel, last - begin));
  }
}

void rescore_logits(const Ops& ops, const RowTable& table, const float* x, int hidden,
                    std::span<const float> logits, std::span<const float> peaks,
                    const std::function<void(int64_t word, float logit)>& put) {
  const float least = ops.max(peaks.data(), int64_t(peaks.size())) - kRescoreMargin;
  std::vector<float> row(static_cast<std::size_t>(hidden));
  for (std::size_t panel = 0; panel < peaks.size(); ++panel) {
    if (!(peaks[panel] >= least)) continue;
    const std::size_t begin = panel * kDensePanel;
    const std::size_t end = std::min(begin + kRun * kDensePanel, logits.size());
    for (std::size_t word = begin; word < end; ++word) {
      if (!(logits[word] >= least)) continue;
      dequantize_row(table.type, table.data + word * row_bytes(table.type, hidden), row.data(),
                     hidden);
      put(int64_t(word), dot(row.data(), x, hidden));
    }
  }
}

}  // namespace serval::whisper
