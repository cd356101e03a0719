#include "plugins/whisper/audio/pcm16.h"

#include <algorithm>
#include <string>

namespace serval::whisper {

Status check_pcm(const RawPcm& pcm) {
  if (pcm.rate < kMinRate || pcm.rate > kMaxRate)
    return invalid("sample_rate is " + std::to_string(pcm.rate) + ", want " +
                       std::to_string(kMinRate) + " to " + std::to_string(kMaxRate),
                   "sample_rate");
  if (pcm.channels < 1 || pcm.channels > kMaxChannels)
    return invalid("channels is " + std::to_string(pcm.channels) + ", want 1 to " +
                       std::to_string(kMaxChannels),
                   "channels");
  return {};
}

void decode_pcm16(std::string_view bytes, int channels, std::span<float> out) {
  const float share = 1.0f / (32768.0f * float(channels));
  const auto* p = reinterpret_cast<const unsigned char*>(bytes.data());
  for (float& mixed : out) {
    int sum = 0;
    for (int c = 0; c < channels; ++c, p += 2) sum += int16_t(uint16_t(p[0] | p[1] << 8));
    mixed = float(sum) * share;
  }
}

Pcm16Reader::Pcm16Reader(FileBytes file, const RawPcm& pcm)
    : MonoReader(MemoryFile(file)), pcm_(pcm) {}

std::size_t Pcm16Reader::read(std::span<float> out) {
  piece_.resize(out.size() * frame_bytes());
  const auto got = std::size_t(file_.read(piece_.data(), int64_t(piece_.size()))) / frame_bytes();
  decode_pcm16(std::string_view(piece_).substr(0, got * frame_bytes()), pcm_.channels,
               out.first(got));
  return got;
}

}  // namespace serval::whisper
