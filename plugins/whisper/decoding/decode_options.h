// How a window is decoded: the parameters of a transcribe request that concern tokens.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/json_reader.h"
#include "plugins/whisper/decoding/speech_tokenizer.h"

namespace serval::whisper {

constexpr int kMostHypotheses = 16;  // of beam_size and best_of

enum class Timestamps {
  none,     // text only
  segment,  // time tokens around segments
  word,     // as segment; words are aligned afterwards (word_aligner.h)
};

// The defaults are those of faster-whisper, but for beam_size, which is 1 (greedy).
struct DecodeOptions {
  std::string language;  // code or English name; "": detect
  bool translate = false;
  Timestamps timestamps = Timestamps::none;

  // Tried in this order until a result passes the thresholds.
  std::vector<float> temperatures{0, .2f, .4f, .6f, .8f, 1};
  int beam_size = 1;         // at temperature 0
  int best_of = 5;           // samples at other temperatures
  float patience = 1;        // a beam search ends with beam_size * patience finished hypotheses
  float length_penalty = 1;  // scores are divided by length ^ this
  float repetition_penalty = 1;
  int no_repeat_ngram = 0;  // 0: off
  int max_new_tokens = 0;   // 0: what the decoder has positions for, 224
  uint64_t seed = 0;

  std::string initial_prompt, hotwords;  // shown as if spoken before
  std::string prefix;                    // the result begins with it

  bool suppress_blank = true;
  std::vector<int> suppress{-1};    // token ids; -1: SpeechTokenizer::non_speech()
  float max_initial_timestamp = 1;  // seconds

  float compression_ratio_threshold = 2.4f;  // above: the text repeats itself
  float log_prob_threshold = -1;             // average below: the model guesses
  float no_speech_threshold = .6f;           // above, and log_prob_threshold not met: silence
};

// Reads the parameters of these options (docs/requests.md) and leaves those that are absent as they
// are; the reader keeps the first error. A `temperature` above 0 is where the ladder then begins.
void read_decode_options(JsonReader& reader, DecodeOptions& options);

// Errors: invalid_argument, naming the parameter, for what is out of range or what the model cannot
// do (a language it does not know, translation by an English-only model).
Status check_decode_options(const DecodeOptions& options, const SpeechTokenizer& tokenizer);

}  // namespace serval::whisper
