#include "plugins/whisper/vad/speech_segmenter.h"

#include <algorithm>

namespace serval::whisper {

SpeechSegmenter::SpeechSegmenter(const VadOptions& options)
    : max_chunk_(int64_t(options.max_seconds * 16000)),
      max_gap_(int64_t{options.max_gap_ms} * 16),
      detector_(options) {}

void SpeechSegmenter::push(std::span<const float> probabilities) {
  for (const float probability : probabilities) {
    detector_.push(probability);
    take_pieces();
  }
}

void SpeechSegmenter::finish(int64_t samples) {
  detector_.finish(samples);
  take_pieces();
  give(open_.size());
}

void SpeechSegmenter::take_pieces() {
  while (const std::optional<SpeechPiece> piece = detector_.next()) add(*piece);
  // Whatever comes next is too far away.
  if (!open_.empty() && detector_.keep_from() - open_.back().speech.end > max_gap_)
    give(open_.size());
}

void SpeechSegmenter::add(const SpeechPiece& piece) {
  if (!open_.empty() && piece.speech.begin - open_.back().speech.end > max_gap_) give(open_.size());
  while (!open_.empty() && piece.speech.end - open_.front().speech.begin > max_chunk_)
    give(best_cut(piece));
  open_.push_back(piece);
}

// How many of the open pieces make the next chunk, so that the longest silence is between it and
// what follows, among those in the last third of a full chunk; all of them if there is none.
std::size_t SpeechSegmenter::best_cut(const SpeechPiece& next) const {
  std::size_t best = open_.size();
  int64_t longest = next.silence_before;
  for (std::size_t count = open_.size() - 1; count > 0; --count) {
    if (open_[count - 1].speech.end - open_.front().speech.begin < max_chunk_ * 2 / 3) break;
    if (open_[count].silence_before <= longest) continue;
    longest = open_[count].silence_before;
    best = count;
  }
  return best;
}

// The first pieces of the open ones as a chunk.
void SpeechSegmenter::give(std::size_t pieces) {
  if (pieces == 0) return;
  ready_.push_back({open_.front().speech.begin, open_[pieces - 1].speech.end});
  open_.erase(open_.begin(), open_.begin() + std::ptrdiff_t(pieces));
}

bool SpeechSegmenter::next(Speech& chunk) {
  if (ready_.empty()) return false;
  chunk = ready_.front();
  ready_.pop_front();
  return true;
}

int64_t SpeechSegmenter::keep_from() const {
  if (!ready_.empty()) return ready_.front().begin;
  return open_.empty() ? detector_.keep_from() : open_.front().speech.begin;
}

}  // namespace serval::whisper
