// Headerless PCM: 16-bit little-endian samples, channels interleaved.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "plugins/whisper/audio/mono_reader.h"

namespace serval::whisper {

struct RawPcm {
  int rate = 16000;  // Hz
  int channels = 1;
};

// Errors: invalid_argument for a rate or a count of channels out of range.
Status check_pcm(const RawPcm& pcm);

// Averages whole frames of bytes into out, one sample a frame. REQUIRES: bytes.size() == out.size()
// * 2 * channels.
void decode_pcm16(std::string_view bytes, int channels, std::span<float> out);

class Pcm16Reader final : public MonoReader {
 public:
  // The bytes must outlive the reader. REQUIRES: check_pcm(pcm)
  Pcm16Reader(FileBytes file, const RawPcm& pcm);

  int rate() const override { return pcm_.rate; }
  int64_t frames() const override {
    return file_.complete() ? file_.arrived() / int64_t(frame_bytes()) : -1;
  }
  bool damaged() const override { return file_.arrived() % int64_t(frame_bytes()) != 0; }
  int64_t odd_values() const override { return 0; }
  std::size_t read(std::span<float> out) override;

 private:
  std::size_t frame_bytes() const { return 2 * std::size_t(pcm_.channels); }

  RawPcm pcm_;
  std::string piece_;
};

}  // namespace serval::whisper
