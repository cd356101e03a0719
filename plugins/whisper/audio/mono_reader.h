// A sound piece by piece, its channels averaged, at its own rate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "plugins/whisper/audio/memory_file.h"

namespace serval::whisper {

inline constexpr int kMinRate = 1000, kMaxRate = 768000;  // Hz
inline constexpr int kMaxChannels = 32;
// Louder is cut. Above 1 because some files hold floats in the range of 16-bit integers.
inline constexpr float kMaxSample = 65536;

// One thread at a time.
class MonoReader {
 public:
  explicit MonoReader(MemoryFile file) : file_(file) {}
  virtual ~MonoReader() = default;

  // What it reads from. More of it may be let in between two reads.
  MemoryFile& file() { return file_; }
  virtual int rate() const = 0;
  virtual int64_t frames() const = 0;  // as the header has it, which may lie; -1: it does not say
  virtual bool damaged() const = 0;    // it ended before it should; known at the end
  virtual int64_t odd_values() const = 0;  // NaN or infinite ones so far, which count as 0

  // Up to out.size() samples, finite and within kMaxSample; fewer only at the end.
  virtual std::size_t read(std::span<float> out) = 0;

 protected:
  MemoryFile file_;
};

// Averages frames of interleaved channels into out, one sample a frame. Returns how many of the
// input's values were NaN or infinite; those count as 0.
int64_t mix_down(const float* interleaved, int channels, std::span<float> out);

}  // namespace serval::whisper
