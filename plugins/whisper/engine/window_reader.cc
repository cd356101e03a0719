#include "plugins/whisper/engine/window_reader.h"

#include <algorithm>
#include <utility>

namespace serval::whisper {
namespace {

constexpr std::size_t kPiece = 64 * kVadHop;  // read and examined at a time
// States come in blocks of 32, two frames each.
constexpr int kBlockFrames = 64;
constexpr int kPadFrames = 100;

}  // namespace

int padded_frames(std::size_t samples) {
  const int audio = int((samples + kHop - 1) / kHop);
  const int blocks = (audio + kPadFrames + kBlockFrames - 1) / kBlockFrames;
  return std::min(blocks * kBlockFrames, kMaxFrames);
}

AudioWindow make_window(const LogMel& mel, int64_t begin, std::vector<float> samples,
                        Padding padding) {
  AudioWindow window;
  window.begin = begin;
  window.samples = std::move(samples);
  window.frames = padding == Padding::full ? kMaxFrames : padded_frames(window.samples.size());
  window.mel.resize(std::size_t(window.frames) * std::size_t(mel.mels()));
  mel.run(window.samples, window.frames, window.mel.data());
  return window;
}

WindowReader::WindowReader(const std::optional<RawPcm>& pcm, const CutOptions& cut,
                           const LogMel& mel, const Vad* vad, int most_seconds)
    : source_(pcm), cut_(cut), mel_(mel), vad_(vad), most_(int64_t{most_seconds} * kSampleRate) {}

// Reads until the buffer holds so many samples, or all there are. False: not yet.
Result<bool> WindowReader::fill(std::size_t wanted) {
  while (!ended_ && buffer_.size() < wanted) {
    const std::size_t before = buffer_.size();
    buffer_.resize(before + kPiece);
    const std::size_t got = source_.read(std::span(buffer_).subspan(before));
    buffer_.resize(before + got);
    read_ += int64_t(got);
    if (read_ > most_) return audio_too_long(most_);
    if (got == kPiece) continue;
    if (source_.waits()) return false;
    ended_ = true;
  }
  return true;
}

void WindowReader::arrive(FileBytes file) {
  complete_ = file.complete;
  source_.arrive(file);
}

// False: not yet.
Result<bool> WindowReader::open() {
  if (!opened_) {
    const Result<bool> begun = source_.begin();
    if (!begun || !*begun) return begun;
    opened_ = true;
  }
  // Once all of it is there it need not be read to know that it is too long.
  if (complete_ && !std::exchange(told_length_, true) && source_.samples() > most_)
    return audio_too_long(most_);
  return true;
}

// Up to where it is known who finds the windows. False: not yet.
Result<bool> WindowReader::begin() {
  const Result<bool> filled = fill(std::size_t(kMaxSamples) + 1);
  if (!filled || !*filled) return filled;
  const bool one_window = buffer_.size() <= std::size_t(kMaxSamples);
  if (vad_ != nullptr && (cut_.vad == CutOptions::Vad::always ||
                          (cut_.vad == CutOptions::Vad::automatic && !one_window)))
    segmenter_.emplace(cut_.speech);
  else
    cutter_.emplace();
  started_ = true;
  return true;
}

void WindowReader::drop_before(int64_t sample) {
  const auto count = std::clamp<int64_t>(sample - buffer_begin_, 0, int64_t(buffer_.size()));
  buffer_.erase(buffer_.begin(), buffer_.begin() + count);
  buffer_begin_ += count;
}

AudioWindow WindowReader::take(int64_t begin, int64_t end) {
  std::vector<float> samples(buffer_.begin() + (begin - buffer_begin_),
                             buffer_.begin() + (end - buffer_begin_));
  drop_before(end);
  in_windows_ += end - begin;
  return make_window(mel_, begin, std::move(samples), cut_.padding);
}

Result<WindowReader::Next> WindowReader::find(AudioWindow& window) {
  const Result<bool> opened = open();
  if (!opened) return opened.error();
  if (!*opened) return Next::wait;
  if (!started_) {
    const Result<bool> begun = begin();
    if (!begun) return begun.error();
    if (!*begun) return Next::wait;
  }
  Speech found;
  while (!(segmenter_ ? segmenter_->next(found) : cutter_->next(found))) {
    if (finished_) return Next::end;
    const Result<bool> filled = fill(std::size_t(examined_ - buffer_begin_) + kPiece);
    if (!filled) return filled.error();
    if (!*filled) return Next::wait;
    examine();
    drop_before(std::min(segmenter_ ? segmenter_->keep_from() : cutter_->keep_from(), examined_));
  }
  window = take(found.begin, std::min(found.end, read_));
  return Next::window;
}

Result<WindowReader::Next> WindowReader::next(AudioWindow& window) {
  const Result<Next> found = find(window);
  if (found || !found.error().param.empty()) return found;
  Error why = found.error();
  why.param = "audio";
  return why;
}

// Shows the next piece to whatever looks for windows.
void WindowReader::examine() {
  const auto seen = std::size_t(examined_ - buffer_begin_);
  const std::size_t fresh = std::min(buffer_.size() - seen, kPiece);
  const std::span<const float> piece = std::span(buffer_).subspan(seen, fresh);
  examined_ += int64_t(fresh);
  finished_ = ended_ && examined_ == read_;
  if (cutter_) {
    cutter_->push(piece);
    if (finished_) cutter_->finish();
    return;
  }
  // Behind the end of the audio the VAD hears zeros.
  std::vector<float> whole(piece.begin(), piece.end());
  whole.resize((fresh + kVadHop - 1) / kVadHop * kVadHop);
  probabilities_.clear();
  vad_->run(vad_state_, whole, probabilities_);
  segmenter_->push(probabilities_);
  if (finished_) segmenter_->finish(read_);
}

}  // namespace serval::whisper
