// Power spectra of four windows of 400 real samples at a time.
#pragma once

#include "plugins/whisper/audio/lanes.h"

namespace serval::whisper {

inline constexpr int kWindow = 400;
inline constexpr int kBins = kWindow / 2 + 1;

// power[k] = |sum over n of x[n] exp(-2 pi i k n / 400)|^2, for each lane by itself.
// Reentrant, allocates nothing.
void power_spectrum(const Lanes (&x)[kWindow], Lanes (&power)[kBins]);

}  // namespace serval::whisper
