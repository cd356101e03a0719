// An uploaded sound as Whisper wants it: 16 kHz, one channel, handed out piece by piece, so that an
// hour of audio is never in memory as samples.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "common/result.h"
#include "plugins/whisper/audio/arriving_sound.h"
#include "plugins/whisper/audio/resampler.h"

namespace serval::whisper {

// out_of_range: there are more than `most` samples at 16 kHz.
Error audio_too_long(int64_t most);

// One thread at a time; several sources may be read by several threads.
class AudioSource {
 public:
  // Of bytes that may still be arriving; arrive() and begin() come first. A file of any format
  // libsndfile reads, any rate from kMinRate to kMaxRate, up to kMaxChannels channels, which are
  // averaged; with pcm, headerless samples.
  explicit AudioSource(std::optional<RawPcm> pcm = {});

  // What there is now: at least as much as before, at the same place. The bytes outlive the source.
  void arrive(FileBytes file) { sound_.arrive(file); }
  // False: more bytes are needed. Errors: invalid_argument in words for whoever sent the file; also
  // for one without a single sample.
  Result<bool> begin();

  // The next samples, finite; fewer than out.size() only at the end or when it waits(), 0 behind
  // the end. REQUIRES: begun
  std::size_t read(std::span<float> out);
  // There was nothing more because more bytes are needed.
  bool waits() const { return sound_.waits(); }
  // There is no use in going on before so many bytes are there, or all.
  std::size_t wanted() const { return sound_.wanted(); }

  // How many there will be, by the file's header: a hint, which a hostile file makes as large as
  // it likes. -1: the header does not say. A small file may also hold hours in truth (of FLAC's
  // constant blocks), so whoever reads must know when to stop. REQUIRES: begun
  int64_t samples() const;
  // The file ended before it should, or was broken on the way; what came before it was good.
  bool damaged() const { return sound_.damaged(); }
  // Values so far that were NaN or infinite, which count as silence.
  int64_t odd_values() const { return sound_.odd_values(); }

 private:
  bool fill();

  static constexpr std::size_t kPiece = 4096;
  ArrivingSound sound_;
  std::optional<Resampler> resampler_;
  std::vector<float> piece_;        // [kPiece], at the file's rate
  std::span<const float> waiting_;  // the part of piece_ not yet resampled
};

}  // namespace serval::whisper
