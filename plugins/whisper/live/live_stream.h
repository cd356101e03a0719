// Live audio on its way from bytes to pieces of speech. What a piece holds depends on the samples
// alone: not on how they were cut, nor on when they came.
#pragma once

#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include "plugins/whisper/audio/pcm_stream.h"
#include "plugins/whisper/vad/energy_cutter.h"
#include "plugins/whisper/vad/speech_detector.h"
#include "plugins/whisper/vad/vad.h"

namespace serval::whisper {

// A piece that has ended.
struct LivePiece {
  Speech speech;               // what is decoded, at most 30 s
  Speech bare;                 // the speech in it
  std::vector<float> samples;  // of `speech`
};

// One thread at a time.
class LiveStream {
 public:
  // vad: finds where speech begins and ends, and outlives this; null: audio is cut where it is
  // quietest, into pieces of 20 to 30 s. most: samples at 16 kHz.
  // Errors: invalid_argument for a rate or a count of channels out of range.
  // REQUIRES: speech.live; check_vad_options(speech) is ok
  static Result<LiveStream> open(const RawPcm& pcm, const VadOptions& speech, const Vad* vad,
                                 int64_t most);

  // Error: out_of_range, naming the limit, when the audio is longer than it may be.
  Status push(std::string_view bytes);
  // Nothing more comes: speech that goes on ends here.
  void finish();

  // The next piece that has ended, in order of time and without overlap.
  std::optional<LivePiece> next();
  std::size_t waiting() const { return ended_.size(); }  // pieces that next() has not yet given
  // The piece that goes on, behind all that have ended; nullopt in silence.
  std::optional<OpenSpeech> open() const;
  // REQUIRES: of open()->speech
  std::vector<float> samples(const Speech& speech) const;

  double seconds() const;                                // of audio so far
  double speech_seconds() const;                         // of pieces that have ended
  bool damaged() const { return bytes_ % frame_ != 0; }  // it ends inside a sample

 private:
  LiveStream(PcmStream pcm, const RawPcm& format, const VadOptions& speech, const Vad* vad,
             int64_t most);
  void examine(bool last);
  void take_pieces();
  void drop_old();
  int64_t read() const { return buffer_begin_ + int64_t(buffer_.size()); }

  PcmStream pcm_;
  std::size_t frame_;  // bytes of one sample of all channels
  const Vad* vad_;
  int64_t most_;
  std::size_t bytes_ = 0;
  int64_t buffer_begin_ = 0;  // the sample that buffer_ begins with
  std::vector<float> buffer_;
  int64_t examined_ = 0;  // samples that whatever finds the pieces has seen
  Vad::State heard_;
  std::vector<float> probabilities_;
  std::optional<SpeechDetector> detector_;  // one of the two finds the pieces
  std::optional<EnergyCutter> cutter_;
  std::deque<LivePiece> ended_;
  int64_t in_pieces_ = 0;  // samples
};

}  // namespace serval::whisper
