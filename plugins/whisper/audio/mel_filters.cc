#include "plugins/whisper/audio/mel_filters.h"

#include <algorithm>
#include <cmath>

#include "plugins/whisper/audio/power_spectrum.h"

namespace serval::whisper {
namespace {

constexpr double kTopHz = 8000, kBinHz = 16000.0 / kWindow;
constexpr double kKneeHz = 1000, kHzPerMel = 200.0 / 3, kKneeMel = kKneeHz / kHzPerMel;
const double kLogStep = std::log(6.4) / 27;  // 27 mels from 1000 to 6400 Hz

double hz_of(double mel) {
  return mel < kKneeMel ? mel * kHzPerMel : kKneeHz * std::exp(kLogStep * (mel - kKneeMel));
}

}  // namespace

std::vector<MelFilter> mel_filters(int mels) {
  const double top = kKneeMel + std::log(kTopHz / kKneeHz) / kLogStep;
  std::vector<MelFilter> filters;
  for (int m = 0; m < mels; ++m) {
    const double low = hz_of(top * m / (mels + 1)), middle = hz_of(top * (m + 1) / (mels + 1));
    const double high = hz_of(top * (m + 2) / (mels + 1));
    MelFilter filter;
    for (int bin = 0; bin < kBins; ++bin) {
      const double hz = bin * kBinHz;
      const double weight = std::min((hz - low) / (middle - low), (high - hz) / (high - middle));
      if (weight <= 0) continue;
      if (filter.weights.empty()) filter.first_bin = bin;
      filter.weights.push_back(float(weight * 2 / (high - low)));
    }
    filters.push_back(std::move(filter));
  }
  return filters;
}

}  // namespace serval::whisper
