#include "plugins/whisper/audio/mono_reader.h"

#include <algorithm>
#include <cmath>

namespace serval::whisper {
namespace {

// For all but hostile files. Whether every mean is finite and within kMaxSample.
bool mix_plain(const float* interleaved, int channels, std::span<float> out) {
  const float share = 1.0f / float(channels);
  bool fine = true;
  for (std::size_t i = 0; i < out.size(); ++i) {
    float sum = 0;
    for (int c = 0; c < channels; ++c)
      sum += interleaved[i * std::size_t(channels) + std::size_t(c)];
    out[i] = sum * share;
    fine &= std::abs(out[i]) <= kMaxSample;
  }
  return fine;
}

}  // namespace

int64_t mix_down(const float* interleaved, int channels, std::span<float> out) {
  const bool fine = channels == 1   ? mix_plain(interleaved, 1, out)
                    : channels == 2 ? mix_plain(interleaved, 2, out)
                                    : mix_plain(interleaved, channels, out);
  if (fine) return 0;
  int64_t odd = 0;
  for (float& mixed : out) {
    double sum = 0;
    for (int c = 0; c < channels; ++c, ++interleaved) {
      if (std::isfinite(*interleaved))
        sum += *interleaved;
      else
        ++odd;
    }
    mixed = float(std::clamp(sum / channels, -double{kMaxSample}, double{kMaxSample}));
  }
  return odd;
}

}  // namespace serval::whisper
