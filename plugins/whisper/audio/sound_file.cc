#include "plugins/whisper/audio/sound_file.h"

#include <algorithm>
#include <mutex>
#include <sndfile.h>
#include <string>
#include <vector>

#include "plugins/whisper/audio/memory_file.h"
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
  explicit SoundFile(std::string_view bytes) : memory_(bytes) {}

  // libsndfile's words if it cannot read the bytes, which a failed sf_open leaves in a variable
  // that all threads share.
  std::string open() {
    static std::mutex one_at_a_time;
    const std::lock_guard lock(one_at_a_time);
    SF_VIRTUAL_IO calls = virtual_calls();
    file_.reset(sf_open_virtual(&calls, SFM_READ, &info_, &memory_));
    return file_ != nullptr ? "" : sf_strerror(nullptr);
  }
  const SF_INFO& info() const { return info_; }

  int rate() const override { return info_.samplerate; }
  int64_t frames() const override { return info_.frames < SF_COUNT_MAX ? info_.frames : -1; }
  bool damaged() const override { return damaged_; }
  int64_t odd_values() const override { return odd_values_; }

  std::size_t read(std::span<float> out) override {
    std::size_t done = 0;
    while (done < out.size() && !ended_) {
      const std::size_t wanted = std::min(out.size() - done, kPiece);
      interleaved_.resize(kPiece * std::size_t(info_.channels));
      const sf_count_t got = sf_readf_float(file_.get(), interleaved_.data(), sf_count_t(wanted));
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

  void end() {
    ended_ = true;
    damaged_ = sf_error(file_.get()) != SF_ERR_NO_ERROR || frames_read_ < frames();
  }

  MemoryFile memory_;
  SF_INFO info_ = {};
  std::unique_ptr<SNDFILE, Close> file_;
  std::vector<float> interleaved_;  // [kPiece, channels]
  int64_t odd_values_ = 0, frames_read_ = 0;
  bool ended_ = false, damaged_ = false;
};

}  // namespace

Result<std::unique_ptr<MonoReader>> open_sound_file(std::string_view bytes) {
  if (bytes.empty()) return invalid("the audio file is empty");
  const SoundFormat format = guess_sound_format(bytes);
  const std::string name(format.name);
  if (!format.readable)
    return invalid("the audio file is " + name + ", want " + std::string(kReadableFormats));
  if (format.mp3) return open_mp3_file(bytes);
  if (has_broken_vorbis_headers(bytes))
    return invalid("the audio file begins as " + name + " but its Vorbis headers are broken");
  auto file = std::make_unique<SoundFile>(bytes);
  const std::string why = file->open();
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
