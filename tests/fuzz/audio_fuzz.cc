// Any bytes as a sound file, as raw PCM and as a live stream. Up to a minute is read; every sample
// is a number within its bounds.
#include <cmath>
#include <string_view>
#include <vector>

#include "plugins/whisper/audio/audio_source.h"
#include "plugins/whisper/audio/pcm_stream.h"

namespace {

using namespace serval::whisper;

constexpr float kLoudest = 4 * kMaxSample;  // filters overshoot

void check(std::span<const float> samples) {
  for (const float sample : samples)
    if (!(std::abs(sample) <= kLoudest)) __builtin_trap();
}

void read(const serval::Result<std::unique_ptr<AudioSource>>& source) {
  if (!source) return;
  std::vector<float> out(16000);
  for (int second = 0; second < 60; ++second) {
    const std::size_t got = (*source)->read(out);
    check(std::span(out).first(got));
    if (got < out.size()) break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  read(AudioSource::open(bytes));
  if (size < 3) return 0;
  const RawPcm pcm{.rate = 1000 + data[0] * 250, .channels = data[1] % 40};
  read(AudioSource::open_raw(bytes, pcm));
  serval::Result<PcmStream> stream = PcmStream::open(pcm);
  if (!stream) return 0;
  std::vector<float> out;
  const std::size_t piece = std::size_t(data[2]) + 1;
  for (std::string_view rest = bytes; !rest.empty();
       rest.remove_prefix(std::min(piece, rest.size())))
    stream->push(rest.substr(0, piece), out);
  stream->finish(out);
  check(out);
  return 0;
}
