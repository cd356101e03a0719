// Where there is no speech detector: audio is cut where it is quietest, so that long audio always
// becomes chunks a decoder takes. Chunks follow each other without a gap; nothing is left out.
#pragma once

#include <deque>
#include <span>

#include "plugins/whisper/vad/vad_options.h"

namespace serval::whisper {

// One thread at a time.
class EnergyCutter {
 public:
  // max_seconds: 5 to 30, the longest chunk; one that is cut has at least two thirds of it.
  explicit EnergyCutter(float max_seconds = 30);

  void push(std::span<const float> samples);  // 16 kHz
  void finish();                              // no more samples come
  bool next(Speech& chunk);                   // false: not yet one

  // No later chunk begins before this sample.
  int64_t keep_from() const { return ready_.empty() ? begin_ : ready_.front().begin; }

 private:
  void cut();
  static constexpr int kFrame = 160;  // samples whose energy is kept as one number

  const std::size_t max_frames_;
  std::deque<float> energies_;  // of the frames from begin_ on
  float sum_ = 0;               // of the frame that is not full yet
  int filled_ = 0;              // samples of it
  int64_t begin_ = 0;
  std::deque<Speech> ready_;
};

}  // namespace serval::whisper
