// Any rate to 16 kHz, piece by piece, by soxr.
#pragma once

#include <memory>
#include <span>

#include "common/result.h"

struct soxr;

namespace serval::whisper {

// One thread at a time.
class Resampler {
 public:
  // rate: kMinRate to kMaxRate; 16000 hands the samples through.
  static Result<Resampler> open(int rate);

  struct Moved {
    std::size_t taken = 0;  // samples of `in`
    std::size_t given = 0;  // samples written to `out`
  };
  // Takes from in and writes to out until one of them is used up. Some output comes late.
  Moved run(std::span<const float> in, std::span<float> out);
  // What comes late, once all input is taken; 0 when there is no more.
  std::size_t drain(std::span<float> out);

 private:
  struct Delete {
    void operator()(struct soxr* handle) const;
  };
  std::unique_ptr<struct soxr, Delete> handle_;  // none at 16 kHz
};

}  // namespace serval::whisper
