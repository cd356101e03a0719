#include "plugins/whisper/audio/pcm_stream.h"

namespace serval::whisper {

PcmStream::PcmStream(int channels, Resampler resampler)
    : channels_(channels), resampler_(std::move(resampler)) {}

Result<PcmStream> PcmStream::open(const RawPcm& pcm) {
  if (Status status = check_pcm(pcm); !status) return status.error();
  Result<Resampler> resampler = Resampler::open(pcm.rate);
  if (!resampler) return resampler.error();
  return PcmStream(pcm.channels, std::move(*resampler));
}

void PcmStream::push(std::string_view bytes, std::vector<float>& out) {
  const std::size_t frame = 2 * std::size_t(channels_);
  float samples[kPiece];
  if (!cut_.empty()) {
    const std::string_view rest = bytes.substr(0, frame - cut_.size());
    cut_ += rest;
    bytes.remove_prefix(rest.size());
    if (cut_.size() < frame) return;
    decode_pcm16(cut_, channels_, std::span(samples, 1));
    cut_.clear();
    resample(std::span(samples, 1), out);
  }
  while (bytes.size() >= frame) {
    const std::size_t count = std::min(kPiece, bytes.size() / frame);
    decode_pcm16(bytes.substr(0, count * frame), channels_, std::span(samples, count));
    bytes.remove_prefix(count * frame);
    resample(std::span(samples, count), out);
  }
  cut_ = bytes;
}

void PcmStream::resample(std::span<const float> in, std::vector<float>& out) {
  float samples[kPiece];
  while (!in.empty()) {
    const Resampler::Moved moved = resampler_.run(in, samples);
    in = in.subspan(moved.taken);
    out.insert(out.end(), samples, samples + moved.given);
  }
}

void PcmStream::finish(std::vector<float>& out) {
  cut_.clear();
  float samples[kPiece];
  while (const std::size_t given = resampler_.drain(samples))
    out.insert(out.end(), samples, samples + given);
}

}  // namespace serval::whisper
