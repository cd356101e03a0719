#include "plugins/whisper/live/live_stream.h"

#include <algorithm>

#include "plugins/whisper/audio/audio_source.h"
#include "plugins/whisper/audio/log_mel.h"

namespace serval::whisper {
namespace {

constexpr int64_t kDropped = kSampleRate;  // samples thrown away at a time

}  // namespace

LiveStream::LiveStream(PcmStream pcm, const RawPcm& format, const VadOptions& speech,
                       const Vad* vad, int64_t most)
    : pcm_(std::move(pcm)), frame_(2 * std::size_t(format.channels)), vad_(vad), most_(most) {
  if (vad_ != nullptr)
    detector_.emplace(speech);
  else
    cutter_.emplace();
}

Result<LiveStream> LiveStream::open(const RawPcm& pcm, const VadOptions& speech, const Vad* vad,
                                    int64_t most) {
  Result<PcmStream> stream = PcmStream::open(pcm);
  if (!stream) return stream.error();
  return LiveStream(std::move(*stream), pcm, speech, vad, most);
}

Status LiveStream::push(std::string_view bytes) {
  bytes_ += bytes.size();
  pcm_.push(bytes, buffer_);
  if (read() > most_) return audio_too_long(most_);
  examine(false);
  return {};
}

void LiveStream::finish() {
  pcm_.finish(buffer_);
  examine(true);
}

// Shows what has come to whatever finds the pieces.
void LiveStream::examine(bool last) {
  const std::span<const float> fresh =
      std::span<const float>(buffer_).subspan(std::size_t(examined_ - buffer_begin_));
  if (cutter_) {
    cutter_->push(fresh);
    examined_ = read();
    if (last) cutter_->finish();
    return take_pieces();
  }
  const std::size_t whole = fresh.size() / kVadHop * kVadHop;
  probabilities_.clear();
  vad_->run(heard_, fresh.first(whole), probabilities_);
  if (last && whole < fresh.size()) {  // behind the end of the audio the VAD hears zeros
    std::vector<float> rest(fresh.begin() + std::ptrdiff_t(whole), fresh.end());
    rest.resize(kVadHop);
    vad_->run(heard_, rest, probabilities_);
  }
  examined_ += int64_t(whole);
  for (const float probability : probabilities_) detector_->push(probability);
  if (last) detector_->finish(read());
  take_pieces();
}

void LiveStream::take_pieces() {
  const auto take = [&](const Speech& speech, const Speech& bare) {
    // What was made up behind the end of the audio is no part of it.
    const Speech real{speech.begin, std::min(speech.end, read())};
    ended_.push_back({real, {bare.begin, std::min(bare.end, read())}, samples(real)});
    in_pieces_ += real.end - real.begin;
  };
  if (cutter_) {
    for (Speech chunk; cutter_->next(chunk);) take(chunk, chunk);
  } else {
    while (const std::optional<SpeechPiece> piece = detector_->next())
      take(piece->speech, piece->bare);
  }
  drop_old();
}

// Rarely, because what is kept is moved.
void LiveStream::drop_old() {
  const int64_t keep_from = cutter_ ? cutter_->keep_from() : detector_->keep_from();
  const int64_t old = std::min(keep_from, examined_) - buffer_begin_;
  if (old < kDropped) return;
  buffer_.erase(buffer_.begin(), buffer_.begin() + old);
  buffer_begin_ += old;
}

std::optional<LivePiece> LiveStream::next() {
  if (ended_.empty()) return std::nullopt;
  LivePiece piece = std::move(ended_.front());
  ended_.pop_front();
  return piece;
}

std::optional<OpenSpeech> LiveStream::open() const {
  if (detector_) return detector_->open();
  const Speech all{cutter_->keep_from(), read()};
  if (all.begin == all.end) return std::nullopt;
  return OpenSpeech{all, all};
}

std::vector<float> LiveStream::samples(const Speech& speech) const {
  return {buffer_.begin() + (speech.begin - buffer_begin_),
          buffer_.begin() + (speech.end - buffer_begin_)};
}

double LiveStream::seconds() const { return double(read()) / kSampleRate; }
double LiveStream::speech_seconds() const { return double(in_pieces_) / kSampleRate; }

}  // namespace serval::whisper
