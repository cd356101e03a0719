// An uploaded sound as Whisper wants it: 16 kHz, one channel, handed out piece by piece, so that an
// hour of audio is never in memory as samples.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "plugins/whisper/audio/mono_reader.h"
#include "plugins/whisper/audio/pcm16.h"
#include "plugins/whisper/audio/resampler.h"

namespace serval::whisper {

// out_of_range: there are more than `most` samples at 16 kHz.
Error audio_too_long(int64_t most);

// One thread at a time; several sources may be read by several threads.
class AudioSource {
 public:
  // A file of any format libsndfile reads, any rate from kMinRate to kMaxRate, up to kMaxChannels
  // channels, which are averaged. The bytes must outlive the source. Errors: invalid_argument in
  // words for whoever sent the file; also for one without a single sample.
  static Result<std::unique_ptr<AudioSource>> open(std::string_view bytes);
  static Result<std::unique_ptr<AudioSource>> open_raw(std::string_view bytes, const RawPcm& pcm);

  // The next samples, finite; fewer than out.size() only at the end, 0 behind it.
  std::size_t read(std::span<float> out);

  // How many there will be, by the file's header: a hint, which a hostile file makes as large as
  // it likes. -1: the header does not say. A small file may also hold hours in truth (of FLAC's
  // constant blocks), so whoever reads must know when to stop.
  int64_t samples() const;
  // The file ended before it should, or was broken on the way; what came before it was good.
  bool damaged() const { return reader_->damaged(); }
  // Values so far that were NaN or infinite, which count as silence.
  int64_t odd_values() const { return reader_->odd_values(); }

 private:
  AudioSource(std::unique_ptr<MonoReader> reader, Resampler resampler);
  static Result<std::unique_ptr<AudioSource>> start(std::unique_ptr<MonoReader> reader);
  bool fill();

  static constexpr std::size_t kPiece = 4096;
  std::unique_ptr<MonoReader> reader_;
  Resampler resampler_;
  std::vector<float> piece_;        // [kPiece], at the file's rate
  std::span<const float> waiting_;  // the part of piece_ not yet resampled
};

}  // namespace serval::whisper
