#include "plugins/whisper/audio/sound_file.h"

#include <algorithm>
#include <mutex>
#include <sndfile.h>
#include <string>
#include <vector>

#include "plugins/whisper/audio/mp3_file.h"
#include "plugins/whisper/audio/sound_format.h"
#include "plugins/whisper/audio/vorbis_headers.h"

namespace serval::whisper {
namespace {

MemoryFile& of(void* memory) { return *static_cast<MemoryFile*>(memory); }

SF_VIRTUAL_IO virtual_calls() {
  return {
      .get_filelen = [](void* memory) { return of(memory).size(); },
      .seek = [](sf_count_t offset, int from,
                 void* memory) { return of(memory).seek(offset, from); },
      .read = [](void* out, sf_count_t count, void* memory) { return of(memory).read(out, count); },
      .write = [](const void*, sf_count_t, void*) { return sf_count_t{0}; },
      .tell = [](void* memory) { return of(memory).position(); }};
}

struct Close {
  void operator()(SNDFILE* file) const { sf_close(file); }
};

class SoundFile final : public MonoReader {
 public:
  explicit SoundFile(MemoryFile file) : MonoReader(file) {}

  // libsndfile's words if it cannot read the bytes, which a failed sf_open leaves in a variable
  // that all threads share.
  std::string open() {
    // It would look at what follows the samples, which may be long in coming, and is of no use.
    const int64_t end = forward() ? wav_data_end(file_.bytes()) : -1;
    if (end >= 0) file_.hide_from(end);
    static std::mutex one_at_a_time;
    const std::lock_guard lock(one_at_a_time);
    SF_VIRTUAL_IO calls = virtual_calls();
    sound_.reset(sf_open_virtual(&calls, SFM_READ, &info_, &file_));
    file_.hide_from(MemoryFile::kEndless);
    return sound_ != nullptr ? "" : sf_strerror(nullptr);
  }
  const SF_INFO& info() const { return info_; }
  // It reads forwards, also while the file arrives.
  bool forward() const { return !file_.tells_true(); }
  // Whether what it reads may depend on the length of the file, which it was not told.
  bool misses_length() const {
    return forward() && (is_flac() ? info_.frames == SF_COUNT_MAX : frame_bytes() == 0);
  }

  int rate() const override { return info_.samplerate; }
  int64_t frames() const override {
    // What the file has no room for is no hint.
    return claimed() * frame_bytes() <= file_.arrived() ? claimed() : -1;
  }
  bool damaged() const override { return damaged_; }
  int64_t odd_values() const override { return odd_values_; }

  std::size_t read(std::span<float> out) override {
    std::size_t done = 0;
    while (done < out.size() && !ended_) {
      const std::size_t wanted = std::min(out.size() - done, kPiece);
      interleaved_.resize(kPiece * std::size_t(info_.channels));
      const sf_count_t got = sf_readf_float(sound_.get(), interleaved_.data(), sf_count_t(wanted));
      const std::size_t good = got > 0 ? std::min(std::size_t(got), wanted) : 0;
      odd_values_ += mix_down(interleaved_.data(), info_.channels, out.subspan(done, good));
      done += good;
      frames_read_ += int64_t(good);
      if (good < wanted) end();
    }
    return done;
  }

 private:
  static constexpr std::size_t kPiece = 4096;  // frames

  // Data of so many bytes is what recorders write that do not know yet how many it will be.
  static constexpr int64_t kOpenEnd = 0x7fff0000;

  bool is_flac() const { return (info_.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_FLAC; }
  // By the header; -1: it does not say.
  int64_t claimed() const {
    const bool says = info_.frames < SF_COUNT_MAX && info_.frames * frame_bytes() < kOpenEnd;
    return says ? info_.frames : -1;
  }
  // Of a file read forwards whose samples are stored one by one; 0: of others.
  int64_t frame_bytes() const {
    if (!forward() || is_flac()) return 0;
    switch (info_.format & SF_FORMAT_SUBMASK) {
      case SF_FORMAT_PCM_U8:
      case SF_FORMAT_PCM_S8:
      case SF_FORMAT_ULAW:
      case SF_FORMAT_ALAW:
        return info_.channels;
      case SF_FORMAT_PCM_16:
        return int64_t{2} * info_.channels;
      case SF_FORMAT_PCM_24:
        return int64_t{3} * info_.channels;
      case SF_FORMAT_PCM_32:
      case SF_FORMAT_FLOAT:
        return int64_t{4} * info_.channels;
      case SF_FORMAT_DOUBLE:
        return int64_t{8} * info_.channels;
      default:
        return 0;
    }
  }

  void end() {
    ended_ = true;
    damaged_ = sf_error(sound_.get()) != SF_ERR_NO_ERROR || frames_read_ < claimed();
  }

  SF_INFO info_ = {};
  std::unique_ptr<SNDFILE, Close> sound_;
  std::vector<float> interleaved_;  // [kPiece, channels]
  int64_t odd_values_ = 0, frames_read_ = 0;
  bool ended_ = false, damaged_ = false;
};

}  // namespace

bool is_refused(std::string_view bytes) { return !guess_sound_format(bytes).readable; }

Result<std::unique_ptr<MonoReader>> open_sound_file(FileBytes bytes) {
  if (bytes.bytes.empty()) return invalid("the audio file is empty");
  const SoundFormat format = guess_sound_format(bytes.bytes);
  const std::string name(format.name);
  if (!format.readable)
    return invalid("the audio file is " + name + ", want " + std::string(kReadableFormats));
  if (!bytes.complete && !format.forward) return std::unique_ptr<MonoReader>();
  if (format.mp3) return open_mp3_file(bytes);
  if (!format.forward && has_broken_vorbis_headers(bytes.bytes))
    return invalid("the audio file begins as " + name + " but its Vorbis headers are broken");
  auto file =
      std::make_unique<SoundFile>(MemoryFile(bytes, format.forward ? MemoryFile::kEndless : -1));
  std::string why = file->open();
  if (format.forward && (!why.empty() || file->misses_length())) {
    if (!bytes.complete && why.empty()) return std::unique_ptr<MonoReader>();
    if (bytes.complete) {
      file = std::make_unique<SoundFile>(MemoryFile(bytes));
      why = file->open();
    }
  }
  if (!why.empty()) {
    if (name.empty())
      return invalid("the file is not audio of a known format, want " +
                     std::string(kReadableFormats));
    return invalid("the audio file begins as " + name + " but cannot be read: " + why);
  }
  const SF_INFO& info = file->info();
  const std::string what = name.empty() ? "the audio file" : "the audio, " + name + ",";
  if (info.channels < 1 || info.channels > kMaxChannels)
    return invalid(what + " has " + std::to_string(info.channels) + " channels, want 1 to " +
                   std::to_string(kMaxChannels));
  if (info.samplerate < kMinRate || info.samplerate > kMaxRate)
    return invalid(what + " has a sample rate of " + std::to_string(info.samplerate) +
                   " Hz, want " + std::to_string(kMinRate) + " to " + std::to_string(kMaxRate));
  return std::unique_ptr<MonoReader>(std::move(file));
}

}  // namespace serval::whisper
