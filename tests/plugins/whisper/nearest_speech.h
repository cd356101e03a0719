// Speech at 16 kHz without a filter, so that a golden script has the very same numbers: to each
// tick of the clock the nearest sample before it, of the mean of the channels.
#pragma once

#include <gtest/gtest.h>
#include <sndfile.h>
#include <string>
#include <vector>

namespace serval::whisper {

inline std::vector<float> nearest_speech(const std::string& name) {
  SF_INFO info = {};
  const std::string path = SERVAL_SOURCE_DIR "/tests/data/speech/" + name;
  SNDFILE* file = sf_open(path.c_str(), SFM_READ, &info);
  if (file == nullptr) {
    ADD_FAILURE() << path;
    return {};
  }
  std::vector<float> all(std::size_t(info.frames * info.channels)), out;
  const sf_count_t frames = sf_readf_float(file, all.data(), info.frames);
  sf_close(file);
  for (int64_t i = 0; i < frames * 16000 / info.samplerate; ++i) {
    const float* frame = all.data() + i * info.samplerate / 16000 * info.channels;
    float sum = 0;
    for (int c = 0; c < info.channels; ++c) sum += frame[c];
    out.push_back(sum / float(info.channels));
  }
  return out;
}

}  // namespace serval::whisper
