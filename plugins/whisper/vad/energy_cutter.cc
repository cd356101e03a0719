#include "plugins/whisper/vad/energy_cutter.h"

#include <algorithm>
#include <limits>

namespace serval::whisper {
namespace {

constexpr std::size_t kQuietFrames =
    20;  // 200 ms: shorter than a pause, longer than a stop in a word

}  // namespace

EnergyCutter::EnergyCutter(float max_seconds)
    : max_frames_(std::size_t(max_seconds * 16000) / kFrame) {}

void EnergyCutter::push(std::span<const float> samples) {
  for (const float sample : samples) {
    sum_ += sample * sample;
    if (++filled_ < kFrame) continue;
    energies_.push_back(sum_);
    sum_ = 0;
    filled_ = 0;
    if (energies_.size() > max_frames_) cut();
  }
}

// In the middle of the quietest 200 ms of the last third of a full chunk; the latest of equals.
void EnergyCutter::cut() {
  std::size_t best = max_frames_;
  double quietest = std::numeric_limits<double>::infinity();
  for (std::size_t at = max_frames_ * 2 / 3; at + kQuietFrames / 2 <= max_frames_; ++at) {
    double energy = 0;
    for (std::size_t i = at - kQuietFrames / 2; i < at + kQuietFrames / 2; ++i)
      energy += double{energies_[i]};
    if (energy > quietest) continue;
    quietest = energy;
    best = at;
  }
  const int64_t end = begin_ + int64_t(best) * kFrame;
  ready_.push_back({begin_, end});
  begin_ = end;
  energies_.erase(energies_.begin(), energies_.begin() + std::ptrdiff_t(best));
}

void EnergyCutter::finish() {
  const int64_t end = begin_ + int64_t(energies_.size()) * kFrame + filled_;
  if (end > begin_) ready_.push_back({begin_, end});
  begin_ = end;
  energies_.clear();
  filled_ = 0;
}

bool EnergyCutter::next(Speech& chunk) {
  if (ready_.empty()) return false;
  chunk = ready_.front();
  ready_.pop_front();
  return true;
}

}  // namespace serval::whisper
