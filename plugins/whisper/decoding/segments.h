// A window's tokens as segments with times, by the rules of OpenAI's transcribe and faster-whisper.
#pragma once

#include <string>
#include <vector>

#include "plugins/whisper/decoding/speech_tokenizer.h"

namespace serval::whisper {

struct Word {
  std::string text;  // with the space before it
  double start = 0, end = 0;
  float probability = 0;
};

struct Segment {
  double start = 0, end = 0;  // seconds
  std::vector<TokenId> tokens;
  std::string text;
  std::vector<Word> words;  // word_aligner.h fills it
};

// tokens: of one result. frames: of the window's real audio, of 10 ms. offset: the window's
// beginning in seconds, added to all times. Without time tokens there is one segment, the window;
// text behind the last closed segment is one until the window's end, as no other window hears it.
std::vector<Segment> split_window(const SpeechTokenizer& tokenizer, std::span<const TokenId> tokens,
                                  int frames, double offset);

// Segments nobody should see: no text, or no duration.
void drop_empty(std::vector<Segment>& segments);

}  // namespace serval::whisper
