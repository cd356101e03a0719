// Slaney's mel scale and its triangles, as librosa's filters.mel(htk=False, norm="slaney") makes
// them and Whisper was trained with: linear below 1 kHz, logarithmic above, each triangle of
// area 1.
#pragma once

#include <vector>

namespace serval::whisper {

// One triangle: the bins where it is not zero.
struct MelFilter {
  int first_bin = 0;
  std::vector<float> weights;
};

// `mels` filters from 0 to 8000 Hz over the power_spectrum bins of 16 kHz audio. Computed in
// double.
std::vector<MelFilter> mel_filters(int mels);

}  // namespace serval::whisper
