#include "plugins/whisper/engine/window_reader.h"

#include <algorithm>

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

AudioWindow make_window(const LogMel& mel, int64_t begin, std::vector<float> samples) {
  AudioWindow window;
  window.begin = begin;
  window.samples = std::move(samples);
  window.frames = padded_frames(window.samples.size());
  window.mel.resize(std::size_t(window.frames) * std::size_t(mel.mels()));
  mel.run(window.samples, window.frames, window.mel.data());
  return window;
}

WindowReader::WindowReader(std::unique_ptr<AudioSource> source, const CutOptions& cut,
                           const LogMel& mel, const Vad* vad, int64_t most)
    : source_(std::move(source)), cut_(cut), mel_(mel), vad_(vad), most_(most) {}

Result<std::unique_ptr<WindowReader>> WindowReader::open(std::string_view bytes,
                                                         const std::optional<RawPcm>& pcm,
                                                         const CutOptions& cut, const LogMel& mel,
                                                         const Vad* vad, int most_seconds) {
  auto source = pcm ? AudioSource::open_raw(bytes, *pcm) : AudioSource::open(bytes);
  if (!source) return source.error();
  const int64_t most = int64_t{most_seconds} * kSampleRate;
  if ((*source)->samples() > most) return audio_too_long(most);
  return std::unique_ptr<WindowReader>(new WindowReader(std::move(*source), cut, mel, vad, most));
}

// Reads until the buffer holds so many samples, or all there are.
Status WindowReader::fill(std::size_t wanted) {
  while (!ended_ && buffer_.size() < wanted) {
    const std::size_t before = buffer_.size();
    buffer_.resize(before + kPiece);
    const std::size_t got = source_->read(std::span(buffer_).subspan(before));
    buffer_.resize(before + got);
    read_ += int64_t(got);
    ended_ = got < kPiece;
    if (read_ > most_) return audio_too_long(most_);
  }
  return {};
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
  return make_window(mel_, begin, std::move(samples));
}

Result<std::optional<AudioWindow>> WindowReader::next() {
  if (!started_) {
    started_ = true;
    if (const Status status = fill(std::size_t(kMaxSamples) + 1); !status) return status.error();
    const bool one_window = buffer_.size() <= std::size_t(kMaxSamples);
    if (vad_ != nullptr && (cut_.vad == CutOptions::Vad::always ||
                            (cut_.vad == CutOptions::Vad::automatic && !one_window)))
      segmenter_.emplace(cut_.speech);
    else
      cutter_.emplace();
  }
  Speech found;
  while (!(segmenter_ ? segmenter_->next(found) : cutter_->next(found))) {
    if (finished_) return std::optional<AudioWindow>();
    const auto seen = std::size_t(examined_ - buffer_begin_);
    if (const Status status = fill(seen + kPiece); !status) return status.error();
    examine();
    drop_before(std::min(segmenter_ ? segmenter_->keep_from() : cutter_->keep_from(), examined_));
  }
  return std::optional<AudioWindow>(take(found.begin, std::min(found.end, read_)));
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
