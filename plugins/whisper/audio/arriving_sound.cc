#include "plugins/whisper/audio/arriving_sound.h"

#include <algorithm>
#include <limits>

#include "plugins/whisper/audio/sound_file.h"

namespace serval::whisper {

void ArrivingSound::arrive(FileBytes file) {
  file_ = file;
  if (reader_) reader_->file().grow(file);
}

void ArrivingSound::wait_for(std::size_t bytes) {
  waits_ = true;
  wanted_ = bytes;
}

// Null: not yet.
Result<std::unique_ptr<MonoReader>> ArrivingSound::try_open() {
  if (pcm_) {
    if (Status status = check_pcm(*pcm_); !status) return status.error();
    return std::unique_ptr<MonoReader>(std::make_unique<Pcm16Reader>(file_, *pcm_));
  }
  const std::size_t size = file_.bytes.size();
  if (!file_.complete && size < std::max(wanted_, margin_)) {
    wait_for(std::max(wanted_, margin_));
    return std::unique_ptr<MonoReader>();
  }
  Result<std::unique_ptr<MonoReader>> reader = open_sound_file(file_);
  if (file_.complete || (!reader && is_refused(file_.bytes))) return reader;
  if (reader && !*reader) wait_for(std::numeric_limits<std::size_t>::max());
  // The header may be longer than what has come of it.
  if (!reader || (*reader && (*reader)->file().starved())) {
    wait_for(2 * size);
    return std::unique_ptr<MonoReader>();
  }
  return reader;
}

Result<bool> ArrivingSound::open() {
  waits_ = false;
  if (reader_) return true;
  Result<std::unique_ptr<MonoReader>> reader = try_open();
  if (!reader) return reader.error();
  reader_ = std::move(*reader);
  if (!reader_) return false;
  rate_ = reader_->rate();
  skip_ = read_;
  return true;
}

// One call of the reader. False: there is not enough for it.
bool ArrivingSound::read_some(std::span<float> out, std::size_t& n) {
  MemoryFile& file = reader_->file();
  const auto position = std::size_t(file.position());
  if (!file.complete() && file_.bytes.size() < position + margin_) {
    wait_for(position + 2 * margin_);
    return false;
  }
  const int64_t odd_before = reader_->odd_values();
  n = reader_->read(out);
  if (file.starved()) {
    reader_.reset();
    margin_ *= 2;
    wait_for(file_.bytes.size() + margin_);
    return false;
  }
  if (skip_ == 0) odd_values_ += reader_->odd_values() - odd_before;
  if (n < out.size()) {
    ended_ = true;
    damaged_ = reader_->damaged();
  }
  return true;
}

// Brings a new reader to where the one before it was. False: not yet.
bool ArrivingSound::skip() {
  while (skip_ > 0 && !ended_) {
    skipped_.resize(std::size_t(std::min<int64_t>(skip_, 65536)));
    std::size_t n = 0;
    if (!read_some(skipped_, n)) return false;
    skip_ -= int64_t(n);
  }
  skipped_ = {};
  return true;
}

std::size_t ArrivingSound::read(std::span<float> out) {
  waits_ = false;
  if (ended_) return 0;
  if (!reader_) {
    const Result<bool> opened = open();
    if (opened && !*opened) return 0;
    if (!opened) {  // it was read before, so this is the end of what can be
      ended_ = damaged_ = true;
      return 0;
    }
  }
  std::size_t n = 0;
  if (!skip() || ended_ || !read_some(out, n)) return 0;
  read_ += int64_t(n);
  return n;
}

}  // namespace serval::whisper
