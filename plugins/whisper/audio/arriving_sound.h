// A sound whose bytes may still be arriving, at its own rate. What is read are the samples of the
// whole file, however it comes.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "common/result.h"
#include "plugins/whisper/audio/mono_reader.h"
#include "plugins/whisper/audio/pcm16.h"

namespace serval::whisper {

// Its reader knows nothing of bytes that are to come, so it is kept away from the end of those that
// have. Where it gets there all the same, as hostile files can make it, what it made of them is
// thrown away, and a new one reads from the beginning when there is more. One thread at a time.
class ArrivingSound {
 public:
  static constexpr std::size_t kMargin = 128u << 10;

  // pcm: of headerless samples, else it is a file. margin: readers
  // seldom look further ahead, in bytes.
  explicit ArrivingSound(std::optional<RawPcm> pcm, std::size_t margin = kMargin)
      : pcm_(pcm), margin_(margin) {}

  // What there is now: at least as much as before, at the same place. The bytes outlive the sound.
  void arrive(FileBytes file);

  // Finds out what it is. False: more bytes are needed. Errors: those of open_sound_file and
  // check_pcm.
  Result<bool> open();

  // Up to out.size() samples. Fewer only at the end, or when it waits(). REQUIRES: open
  std::size_t read(std::span<float> out);
  bool waits() const { return waits_; }
  // There is no use in trying again before so many bytes are there, or all.
  std::size_t wanted() const { return wanted_; }

  // REQUIRES: open
  int rate() const { return rate_; }
  int64_t frames() const { return reader_ ? reader_->frames() : -1; }
  bool damaged() const { return damaged_; }
  int64_t odd_values() const { return odd_values_; }

 private:
  Result<std::unique_ptr<MonoReader>> try_open();
  bool read_some(std::span<float> out, std::size_t& n);
  bool skip();
  void wait_for(std::size_t bytes);

  const std::optional<RawPcm> pcm_;
  FileBytes file_{{}, false};
  std::size_t margin_;
  std::size_t wanted_ = 0;
  bool waits_ = false;
  std::unique_ptr<MonoReader> reader_;  // none: one has to be opened
  int rate_ = 0;                        // 0: none was open yet
  int64_t read_ = 0;                    // samples given out
  int64_t skip_ = 0;                    // of a new reader, those that were given out before
  std::vector<float> skipped_;
  bool ended_ = false, damaged_ = false;
  int64_t odd_values_ = 0;
};

}  // namespace serval::whisper
