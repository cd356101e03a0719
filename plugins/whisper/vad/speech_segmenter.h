// Pieces of speech put together to chunks as long as a decoder takes, cut where the silence is
// longest. It is fed as audio comes and gives chunks as soon as they are known. Live speech is not
// put together: that is the detector's alone.
#pragma once

#include <span>
#include <vector>

#include "plugins/whisper/vad/speech_detector.h"

namespace serval::whisper {

// One thread at a time.
class SpeechSegmenter {
 public:
  // REQUIRES: check_vad_options(options) is ok, and it is not live
  explicit SpeechSegmenter(const VadOptions& options);

  // One probability for every kVadHop samples of 16 kHz audio.
  void push(std::span<const float> probabilities);
  // There were `samples` in all; the last window may have been filled up behind them.
  void finish(int64_t samples);
  // The next chunk: at most max_seconds, in order of time and without overlap. false: not yet one.
  bool next(Speech& chunk);

  bool in_speech() const { return detector_.in_speech(); }
  // No later chunk begins before this sample: what is older can be thrown away.
  int64_t keep_from() const;

 private:
  void take_pieces();
  void add(const SpeechPiece& piece);
  std::size_t best_cut(const SpeechPiece& next) const;
  void give(std::size_t pieces);

  const int64_t max_chunk_, max_gap_;  // samples
  SpeechDetector detector_;
  std::vector<SpeechPiece> open_;  // the chunk that may still grow
  std::deque<Speech> ready_;
};

}  // namespace serval::whisper
