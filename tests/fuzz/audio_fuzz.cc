// Any bytes as a sound file, as raw PCM and as a live stream. Up to a minute is read; every sample
// is a number within its bounds.
#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/whisper/audio/pcm_stream.h"
#include "tests/plugins/whisper/audio/whole_source.h"

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

// Up to ten seconds of what is heard of it, which comes in pieces.
struct Heard {
  std::string refusal;
  std::vector<float> samples;
  bool damaged = false;
  bool operator==(const Heard&) const = default;
};

Heard hear(std::string_view bytes, std::size_t piece, std::size_t margin) {
  constexpr std::size_t kMost = 10 * 16000;
  Heard heard;
  ArrivingSound sound({}, margin);
  std::vector<float> out(1000);
  for (std::size_t arrived = 0;;) {
    arrived += std::min(piece, bytes.size() - arrived);
    sound.arrive({bytes.substr(0, arrived), arrived == bytes.size()});
    const serval::Result<bool> open = sound.open();
    if (!open) return {open.error().message, {}, false};
    while (*open && heard.samples.size() < kMost) {
      const std::size_t n = sound.read(out);
      heard.samples.insert(heard.samples.end(), out.begin(), out.begin() + std::ptrdiff_t(n));
      if (n < out.size()) break;
    }
    if (heard.samples.size() >= kMost) return heard;
    heard.damaged = sound.damaged();
    if (*open && !sound.waits()) return heard;
    if (arrived == bytes.size()) __builtin_trap();  // there is nothing to wait for
  }
}

void compare(std::string_view bytes, std::size_t piece, std::size_t margin) {
  if (hear(bytes, piece * 16, margin) != hear(bytes, bytes.size(), margin)) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  read(whole_source(bytes));
  if (size < 3) return 0;
  compare(bytes, std::size_t(data[0]) + 1, std::size_t(data[1]) + 1);
  const RawPcm pcm{.rate = 1000 + data[0] * 250, .channels = data[1] % 40};
  read(whole_source(bytes, pcm));
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
