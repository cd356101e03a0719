#include "plugins/whisper/engine/window_reader.h"

#include <algorithm>

#include "plugins/whisper/vad/quiet_cut.h"

namespace serval::whisper {
namespace {

constexpr std::size_t kPiece = 64 * kVadSamples;  // read and examined at a time
// States come in blocks of 32, two frames each.
constexpr int kBlockFrames = 64;
constexpr int kPadFrames = 100;

Error too_long(int64_t most) {
  return error(Code::out_of_range, "the audio is longer than " +
                                       std::to_string(most / kSampleRate) +
                                       " s, the most this model takes");
}

}  // namespace

int padded_frames(std::size_t samples) {
  const int audio = int((samples + kHop - 1) / kHop);
  const int blocks = (audio + kPadFrames + kBlockFrames - 1) / kBlockFrames;
  return std::min(blocks * kBlockFrames, kMaxFrames);
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
  if ((*source)->samples() > most) return too_long(most);
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
    if (read_ > most_) return too_long(most_);
  }
  return {};
}

void WindowReader::drop_before(int64_t sample) {
  const auto count = std::clamp<int64_t>(sample - buffer_begin_, 0, int64_t(buffer_.size()));
  buffer_.erase(buffer_.begin(), buffer_.begin() + count);
  buffer_begin_ += count;
}

AudioWindow WindowReader::take(int64_t begin, int64_t end) {
  AudioWindow window;
  window.begin = begin;
  window.samples.assign(buffer_.begin() + (begin - buffer_begin_),
                        buffer_.begin() + (end - buffer_begin_));
  drop_before(end);
  in_windows_ += end - begin;
  window.frames = padded_frames(window.samples.size());
  window.mel.resize(std::size_t(window.frames) * std::size_t(mel_.mels()));
  mel_.run(window.samples, window.frames, window.mel.data());
  return window;
}

Result<std::optional<AudioWindow>> WindowReader::next() {
  if (!started_) {
    started_ = true;
    if (const Status status = fill(std::size_t(kMaxSamples) + 1); !status) return status.error();
    const bool long_audio = buffer_.size() > std::size_t(kMaxSamples);
    by_speech_ = vad_ != nullptr && (cut_.vad == CutOptions::Vad::always ||
                                     (cut_.vad == CutOptions::Vad::automatic && long_audio));
    if (by_speech_) segmenter_.emplace(cut_.speech);
  }
  if (by_speech_) return next_speech();
  if (const Status status = fill(std::size_t(kMaxSamples) + 1); !status) return status.error();
  return next_cut();
}

// Without speech to go by: where it is quietest in the window's last third.
std::optional<AudioWindow> WindowReader::next_cut() {
  if (buffer_.empty()) return std::nullopt;
  std::size_t length = buffer_.size();
  if (length > std::size_t(kMaxSamples))
    length = quiet_cut(std::span(buffer_).first(kMaxSamples));
  return take(buffer_begin_, buffer_begin_ + int64_t(length));
}

Result<std::optional<AudioWindow>> WindowReader::next_speech() {
  Speech speech;
  while (!segmenter_->next(speech)) {
    if (vad_finished_) return std::optional<AudioWindow>();
    // What the VAD has not seen yet; behind the end of the audio it sees zeros.
    const auto seen = std::size_t(examined_ - buffer_begin_);
    if (const Status status = fill(seen + kPiece); !status) return status.error();
    std::size_t fresh = std::min(buffer_.size() - seen, kPiece);
    std::vector<float> piece(buffer_.begin() + std::ptrdiff_t(seen),
                             buffer_.begin() + std::ptrdiff_t(seen + fresh));
    piece.resize((fresh + kVadSamples - 1) / kVadSamples * kVadSamples);
    probabilities_.clear();
    vad_->run(vad_state_, piece, probabilities_);
    segmenter_->push(probabilities_);
    examined_ += int64_t(fresh);
    if (ended_ && examined_ - buffer_begin_ == int64_t(buffer_.size())) {
      segmenter_->finish(read_);
      vad_finished_ = true;
    }
    drop_before(std::min(segmenter_->needed_from(), examined_));
  }
  return std::optional<AudioWindow>(take(speech.begin, std::min(speech.end, read_)));
}

}  // namespace serval::whisper
