// From probabilities to stretches of speech, one window at a time: faster-whisper 1.2's
// get_speech_timestamps (after Silero's), whose result it gives without knowing the end first.
// Oracle: tools/golden/vad_segments.py.
#pragma once

#include <deque>
#include <optional>

#include "plugins/whisper/vad/vad_options.h"

namespace serval::whisper {

inline constexpr int kVadHop = 512;  // samples of one probability
// Of the silence behind live speech so much at most belongs to the piece. Once it was heard, what
// the piece holds is known, though not yet whether it ends there.
inline constexpr int64_t kLiveTail = 3 * kVadHop;

struct SpeechPiece {
  Speech speech;               // padded
  int64_t silence_before = 0;  // from the unpadded end of the piece before to its unpadded begin
  Speech bare;                 // unpadded
};

// Speech that goes on.
struct OpenSpeech {
  Speech speech;  // padded; in a pause, what the piece is if the speech ends with it
  Speech bare;    // unpadded, without the pause
  bool paused = false;
  bool quiet = false;  // silence has begun; if it lasts, it is a pause
};

// One thread at a time.
class SpeechDetector {
 public:
  // REQUIRES: check_vad_options(options) is ok
  explicit SpeechDetector(const VadOptions& options);

  void push(float probability);
  // samples: how many there were in all; the last window may have been filled up behind them.
  void finish(int64_t samples);
  // The next finished piece, in order of time and without overlap.
  std::optional<SpeechPiece> next();

  int64_t heard() const { return heard_; }
  bool in_speech() const { return in_speech_; }
  // nullopt also while it is shorter than min_speech_ms. REQUIRES: options.live
  std::optional<OpenSpeech> open() const;
  // No piece that next() has not yet given begins before this sample.
  int64_t keep_from() const;

 private:
  void cut_long_speech();
  void hear_silence(int64_t at);
  void end_speech(int64_t end);
  Speech live_piece(int64_t end) const;
  void close_held(int64_t next_begin);
  void give(const SpeechPiece& piece);

  const VadOptions options_;
  const float quiet_;  // silence is below it
  const int64_t min_speech_, min_silence_, pad_, max_speech_;

  int64_t heard_ = 0;
  bool in_speech_ = false;
  int64_t begin_ = 0;  // of the speech that goes on, unpadded
  // Places in the speech that goes on, which are never at sample 0; 0: there is none.
  int64_t quiet_from_ = 0;  // its present silence
  int64_t cut_ = 0;         // where its latest silence began that is long enough to cut at
  int64_t goes_on_ = 0;     // where it went on behind that silence

  std::optional<SpeechPiece> held_;  // of the latest speech; its end is not padded yet
  int64_t last_end_ = 0;             // of the latest speech, unpadded
  int64_t given_end_ = 0;            // of the latest piece in ready_ or given
  std::deque<SpeechPiece> ready_;
};

}  // namespace serval::whisper
