// How speech is told from silence and cut into chunks. Names and meanings are those of
// faster-whisper's VadOptions, with the defaults of its batched pipeline.
#pragma once

#include <cstdint>

#include "common/result.h"

namespace serval::whisper {

// Samples of 16 kHz audio.
struct Speech {
  int64_t begin = 0, end = 0;

  bool operator==(const Speech&) const = default;
};

struct VadOptions {
  float threshold = 0.5f;    // speech begins at this probability and ends below it less 0.15
  int min_speech_ms = 0;     // shorter speech counts as silence
  int min_silence_ms = 160;  // shorter silence counts as speech
  int speech_pad_ms = 400;   // added on both sides, as far as the silence there reaches
  float max_seconds = 30;    // longest chunk, padding included
  int max_gap_ms = 2000;     // silence between padded speech that a chunk may hold
  // For live audio (SpeechDetector). Speech is given out once it has ended, instead of being kept
  // for the silence that follows; at most kLiveTail of that belongs to it.
  bool live = false;
};

// Errors: invalid_argument for an option out of range, naming the request's parameter for it.
Status check_vad_options(const VadOptions& options);

}  // namespace serval::whisper
