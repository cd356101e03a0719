// Live PCM16 as it arrives, in pieces of any length, to 16 kHz samples.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "plugins/whisper/audio/pcm16.h"
#include "plugins/whisper/audio/resampler.h"

namespace serval::whisper {

// One thread at a time.
class PcmStream {
 public:
  // Errors: invalid_argument for a rate or a count of channels out of range.
  static Result<PcmStream> open(const RawPcm& pcm);

  // Appends what the bytes bring to out. A piece may end in the middle of a sample: the rest is
  // then awaited from the next one. What comes out is the same however the bytes are cut.
  void push(std::string_view bytes, std::vector<float>& out);
  // Appends what the resampler still holds. Half a sample at the end is left out.
  void finish(std::vector<float>& out);

 private:
  PcmStream(int channels, Resampler resampler);
  void resample(std::span<const float> in, std::vector<float>& out);

  static constexpr std::size_t kPiece = 1024;
  int channels_;
  Resampler resampler_;
  std::string cut_;  // the beginning of a frame whose end has not come
};

}  // namespace serval::whisper
