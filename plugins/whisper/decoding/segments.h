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

struct WindowSegments {
  std::vector<Segment> segments;
  // Where the next window begins, in frames of 10 ms from this one's beginning.
  int next_frame = 0;
  bool reaches_end = false;  // the last time has no second one: nothing is spoken after it
};

// What becomes of text behind the last segment that was closed.
enum class Tail {
  keep,    // it is the last segment, until the window's end; the next window begins there
  reread,  // it may be cut off: the next window begins before it, and decodes it again
};

// tokens: of one result. frames: of the window's real audio. offset: the window's beginning in
// seconds, added to all times. Without time tokens there is one segment, the window.
WindowSegments split_window(const SpeechTokenizer& tokenizer, std::span<const TokenId> tokens,
                            int frames, double offset, Tail tail = Tail::keep);

// Segments nobody should see: no text, or no duration.
void drop_empty(std::vector<Segment>& segments);

}  // namespace serval::whisper
