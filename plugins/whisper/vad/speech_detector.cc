#include "plugins/whisper/vad/speech_detector.h"

#include <algorithm>

namespace serval::whisper {
namespace {

constexpr int64_t kPerMs = 16;
constexpr int64_t kCutSilence = 98 * kPerMs;  // speech that is too long is cut where it is longer

}  // namespace

SpeechDetector::SpeechDetector(const VadOptions& options)
    : options_(options),
      quiet_(std::max(options.threshold - 0.15f, 0.01f)),
      min_speech_(options.min_speech_ms * kPerMs),
      min_silence_(options.min_silence_ms * kPerMs),
      pad_(options.speech_pad_ms * kPerMs),
      max_speech_(int64_t(options.max_seconds * 1000 * kPerMs) - kVadHop - 2 * pad_) {}

void SpeechDetector::push(float probability) {
  const int64_t at = heard_;
  heard_ += kVadHop;
  const bool loud = probability >= options_.threshold;
  if (loud && quiet_from_ != 0) {
    quiet_from_ = 0;
    if (goes_on_ < cut_) goes_on_ = at;
  }
  if (loud && !in_speech_) {
    in_speech_ = true;
    begin_ = at;
  } else if (in_speech_ && at - begin_ > max_speech_ && cut_ == 0) {
    end_speech(at);
  } else if (in_speech_) {
    if (at - begin_ > max_speech_) cut_long_speech();
    if (in_speech_ && probability < quiet_) hear_silence(at);
  }
  // Whatever comes next cannot share the silence behind what is held.
  const int64_t next_begin = in_speech_ ? begin_ : heard_;
  if (held_ && next_begin - held_->speech.end >= 2 * pad_) close_held(next_begin);
}

// At its latest silence, which it may still be in.
void SpeechDetector::cut_long_speech() {
  const int64_t next = goes_on_ < cut_ ? 0 : goes_on_;
  end_speech(cut_);
  if (next == 0) return;
  in_speech_ = true;
  begin_ = next;
}

void SpeechDetector::hear_silence(int64_t at) {
  if (quiet_from_ == 0) quiet_from_ = at;
  if (at - quiet_from_ > kCutSilence) cut_ = quiet_from_;
  if (at - quiet_from_ < min_silence_) return;
  if (quiet_from_ - begin_ > min_speech_)
    end_speech(quiet_from_);
  else
    in_speech_ = false;
  quiet_from_ = cut_ = goes_on_ = 0;
}

void SpeechDetector::end_speech(int64_t end) {
  in_speech_ = false;
  quiet_from_ = cut_ = goes_on_ = 0;
  const int64_t silence = begin_ - last_end_;
  last_end_ = end;
  if (options_.live) return give({live_piece(end), silence, {begin_, end}});
  if (held_) close_held(begin_);
  held_ = SpeechPiece{{std::max(begin_ - pad_, given_end_), end}, silence, {begin_, end}};
}

// The speech under way, padded, if it ends there.
Speech SpeechDetector::live_piece(int64_t end) const {
  return {std::max(begin_ - pad_, given_end_), std::min(end + std::min(pad_, kLiveTail), heard_)};
}

std::optional<OpenSpeech> SpeechDetector::open() const {
  if (!in_speech_) return std::nullopt;
  const bool paused = quiet_from_ != 0 && heard_ - quiet_from_ >= kLiveTail;
  const int64_t end = paused ? quiet_from_ : heard_;
  if (end - begin_ <= min_speech_) return std::nullopt;
  return OpenSpeech{live_piece(end), {begin_, end}, paused, quiet_from_ != 0};
}

void SpeechDetector::close_held(int64_t next_begin) {
  const int64_t silence = next_begin - held_->speech.end;
  held_->speech.end += silence < 2 * pad_ ? silence / 2 : pad_;
  give(*held_);
  held_.reset();
}

void SpeechDetector::give(const SpeechPiece& piece) {
  given_end_ = piece.speech.end;
  ready_.push_back(piece);
}

void SpeechDetector::finish(int64_t samples) {
  heard_ = samples;
  // A live stream that ends in a pause ends like one that goes on behind it.
  const int64_t end = options_.live && quiet_from_ != 0 ? quiet_from_ : samples;
  if (in_speech_ && end - begin_ > min_speech_) end_speech(end);
  in_speech_ = false;
  if (!held_) return;
  held_->speech.end = std::min(held_->speech.end + pad_, samples);
  give(*held_);
  held_.reset();
}

std::optional<SpeechPiece> SpeechDetector::next() {
  if (ready_.empty()) return std::nullopt;
  const SpeechPiece piece = ready_.front();
  ready_.pop_front();
  return piece;
}

int64_t SpeechDetector::keep_from() const {
  if (!ready_.empty()) return ready_.front().speech.begin;
  if (held_) return held_->speech.begin;
  return std::max((in_speech_ ? begin_ : heard_) - pad_, given_end_);
}

}  // namespace serval::whisper
