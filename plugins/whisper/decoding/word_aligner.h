// Times and probabilities of words. A state machine like WindowDecoder: it asks for the decoder's
// attention and logits over a finished result, piece by piece, and knows no model.
#pragma once

#include <string>
#include <vector>

#include "kernels/ops.h"
#include "plugins/whisper/decoding/segments.h"
#include "plugins/whisper/decoding/word_splitter.h"

namespace serval::whisper {

struct AlignedWord {
  std::string text;
  std::vector<TokenId> tokens;
  double start = 0, end = 0;  // seconds from the window's beginning
  float probability = 0;      // mean of its tokens'
};

// Of one thread. tokenizer, ops must live as long as it.
class WordAligner {
 public:
  static constexpr int kMostTokens = 32;  // of one ask

  // segments: of one window. language: code of the result. frames: of the window's real audio.
  WordAligner(const SpeechTokenizer& tokenizer, const Ops& ops, std::span<const Segment> segments,
              std::string_view language, bool translate, int frames, int alignment_heads);

  bool done() const { return asked_ == row_.size(); }
  // The tokens to run next, in a memory that begins empty and goes on from ask to ask.
  std::span<const TokenId> ask() const;
  // weights: [heads, tokens of the ask, stride], softmax over the window's states; logits: [tokens
  // of the ask, vocab], overwritten. REQUIRES: !done()
  void answer(const float* weights, int stride, float* logits, int vocab);

  // Every word of the window, in order; empty where the window is too short for any. Punctuation
  // is merged with its word (prepended or appended) and leaves an entry without text.
  // REQUIRES: done()
  std::vector<AlignedWord> words();

 private:
  const SpeechTokenizer& tokenizer_;
  const Ops& ops_;
  std::string language_;
  std::size_t skip_ = 0;      // tokens before the last one that is no text
  std::vector<TokenId> row_;  // start, language, task, no timestamps, text, end
  int states_, heads_;
  std::size_t asked_ = 0;
  std::vector<float> weights_;        // [heads, row, states_], each row's sum is 1
  std::vector<float> probabilities_;  // of row_[skip_ + 1 + i]
};

// Words that begin or end with a pause get all of it; those at the ends of sentences are cut to
// twice the median duration.
struct WordDurations {
  double median = 0, longest = 0;
};
WordDurations shorten_words(std::vector<AlignedWord>& words);
// Quotes and brackets go to the word behind them, full stops and commas to the one before.
void merge_punctuation(std::vector<AlignedWord>& words);

// Distributes a window's words to its segments and fits both to each other. offset: the window's
// beginning. last_speech_end: end of the speech before, in and out.
void place_words(const SpeechTokenizer& tokenizer, std::span<const AlignedWord> words,
                 const WordDurations& durations, double offset, std::vector<Segment>& segments,
                 double& last_speech_end);

}  // namespace serval::whisper
