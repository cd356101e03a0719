#include "plugins/whisper/audio/audio_source.h"

#include "plugins/whisper/audio/log_mel.h"

namespace serval::whisper {

Error audio_too_long(int64_t most) {
  return error(Code::out_of_range, "the audio is longer than " +
                                       std::to_string(most / kSampleRate) +
                                       " s, the most this model takes");
}

AudioSource::AudioSource(std::optional<RawPcm> pcm) : sound_(pcm), piece_(kPiece) {}

Result<bool> AudioSource::begin() {
  if (!resampler_) {
    const Result<bool> opened = sound_.open();
    if (!opened || !*opened) return opened;
    Result<Resampler> resampler = Resampler::open(sound_.rate());
    if (!resampler) return resampler.error();
    resampler_ = std::move(*resampler);
  }
  if (!waiting_.empty() || fill()) return true;
  if (sound_.waits()) return false;
  return invalid(damaged() ? "the audio file is damaged before its first sample"
                           : "the audio file has no samples");
}

bool AudioSource::fill() {
  waiting_ = std::span(piece_).first(sound_.read(piece_));
  return !waiting_.empty();
}

std::size_t AudioSource::read(std::span<float> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    if (waiting_.empty() && !fill()) {
      if (sound_.waits()) break;
      const std::size_t given = resampler_->drain(out.subspan(done));
      if (given == 0) break;
      done += given;
      continue;
    }
    const Resampler::Moved moved = resampler_->run(waiting_, out.subspan(done));
    waiting_ = waiting_.subspan(moved.taken);
    done += moved.given;
  }
  return done;
}

int64_t AudioSource::samples() const {
  const int64_t frames = sound_.frames();
  if (frames < 0) return -1;
  return int64_t(double(frames) * kSampleRate / sound_.rate() + 0.5);
}

}  // namespace serval::whisper
