// Log-mel spectrogram in the form Whisper was trained on: windows of 400 samples (periodic Hann)
// every 160, power, mel filters, log10 with a floor of 1e-10 and of the peak less 8, (x + 4) / 4.
// Source: Radford et al. 2022, section 2.2; oracle: tools/golden/whisper_mel.py.
#pragma once

#include <span>
#include <vector>

#include "plugins/whisper/audio/mel_filters.h"

namespace serval::whisper {

inline constexpr int kSampleRate = 16000;
inline constexpr int kHop = 160;         // samples from one frame to the next
inline constexpr int kMaxFrames = 3000;  // the 30 s a Whisper encoder sees
inline constexpr int kMaxSamples = kMaxFrames * kHop;

class LogMel {
 public:
  explicit LogMel(int mels);  // 80, or 128 as large-v3

  int mels() const { return int(filters_.size()); }

  // samples  mono, 16 kHz, within [-1, 1]: one window of at most kMaxSamples
  // frames   at most kMaxFrames, and at least samples / 160 so that none is left out
  // out      [frames, mels]: frame t, whose middle is sample 160 t, has its mels side by side
  // What is behind the samples counts as zeros up to 30 s, and both ends of the 30 s are mirrored:
  // the frames are the first ones of the window's own 30 s spectrogram. Reentrant; the same bits on
  // every CPU.
  void run(std::span<const float> samples, int frames, float* out) const;

 private:
  std::vector<float> hann_;  // [kWindow]
  std::vector<MelFilter> filters_;
};

}  // namespace serval::whisper
