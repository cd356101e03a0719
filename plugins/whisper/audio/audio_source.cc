#include "plugins/whisper/audio/audio_source.h"

#include "plugins/whisper/audio/log_mel.h"
#include "plugins/whisper/audio/sound_file.h"

namespace serval::whisper {

Error audio_too_long(int64_t most) {
  return error(Code::out_of_range, "the audio is longer than " +
                                       std::to_string(most / kSampleRate) +
                                       " s, the most this model takes");
}

AudioSource::AudioSource(std::unique_ptr<MonoReader> reader, Resampler resampler)
    : reader_(std::move(reader)), resampler_(std::move(resampler)), piece_(kPiece) {}

Result<std::unique_ptr<AudioSource>> AudioSource::start(std::unique_ptr<MonoReader> reader) {
  Result<Resampler> resampler = Resampler::open(reader->rate());
  if (!resampler) return resampler.error();
  std::unique_ptr<AudioSource> source(new AudioSource(std::move(reader), std::move(*resampler)));
  if (!source->fill())
    return invalid(source->damaged() ? "the audio file is damaged before its first sample"
                                     : "the audio file has no samples");
  return source;
}

Result<std::unique_ptr<AudioSource>> AudioSource::open(std::string_view bytes) {
  Result<std::unique_ptr<MonoReader>> file = open_sound_file(bytes);
  if (!file) return file.error();
  return start(std::move(*file));
}

Result<std::unique_ptr<AudioSource>> AudioSource::open_raw(std::string_view bytes,
                                                           const RawPcm& pcm) {
  if (Status status = check_pcm(pcm); !status) return status.error();
  return start(std::make_unique<Pcm16Reader>(bytes, pcm));
}

bool AudioSource::fill() {
  waiting_ = std::span(piece_).first(reader_->read(piece_));
  return !waiting_.empty();
}

std::size_t AudioSource::read(std::span<float> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    if (waiting_.empty() && !fill()) {
      const std::size_t given = resampler_.drain(out.subspan(done));
      if (given == 0) break;
      done += given;
      continue;
    }
    const Resampler::Moved moved = resampler_.run(waiting_, out.subspan(done));
    waiting_ = waiting_.subspan(moved.taken);
    done += moved.given;
  }
  return done;
}

int64_t AudioSource::samples() const {
  const int64_t frames = reader_->frames();
  if (frames < 0) return -1;
  return int64_t(double(frames) * kSampleRate / reader_->rate() + 0.5);
}

}  // namespace serval::whisper
