// Decodes one window of audio, at most 30 s. A state machine that knows no model: it asks for
// rows of logits and is given them, so that the engine can run many windows in one batch.
//
//   WindowDecoder decoder(rules..., window);
//   while (!decoder.done()) {
//     for (const Ask& ask : decoder.asks()) ...   // run the tokens
//     decoder.answer(logits);
//   }
//
// Steps: the language, where it is to be detected; the prompt; a search; and the search again at
// the next temperature until a result passes the thresholds. A window that was encoded without its
// 30 s of padding is tried once only: if the result looks wrong, the verdict asks for full padding.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "plugins/whisper/decoding/prompt.h"
#include "plugins/whisper/decoding/search.h"

namespace serval::whisper {

enum class Rows {
  none,  // the tokens only enter the memory
  last,  // logits of the last token: [vocab]
  all,   // of every token, of which there are kMostRows at most: [tokens, vocab]
};
constexpr int kMostRows = 8;

struct Ask {
  // The memory to run in, 0 to slots() - 1.
  int slot;
  // -1: the memory is emptied first. slot: it goes on. Another: it becomes a copy of that one
  // first; slots that are copied into are never copied from in the same step.
  int parent;
  std::span<const TokenId> tokens;  // lives until the answer
  Rows rows;
  int dropped = 0;  // so many of the memory's latest tokens are forgotten first
};

enum class Verdict {
  good,
  retry_full_padding,  // encode the window with its silence, then restart()
  degraded,            // no temperature passed: the best of what came, not to be trusted
  failed,              // nothing usable: `why` says what came; tokens are the least bad ones
};

struct WindowResult {
  Verdict verdict = Verdict::good;
  bool silent = false;          // no speech: tokens are what the model made of it, not to be shown
  std::vector<TokenId> tokens;  // those of the prefix first; times among them
  float temperature = 0;        // of the last attempt
  float avg_logprob = 0, compression_ratio = 0, no_speech_prob = 0;
  std::string language;  // code
  float language_prob = 1;
  int attempts = 0;  // searches since the start or restart
  std::string why;   // for degraded and failed
};

struct Window {
  double seconds = 30;            // of real audio
  bool full_padding = true;       // encoded with the silence that makes it 30 s
  std::vector<TokenId> previous;  // of the windows before (prompt.h)
  std::vector<TokenId> draft;     // what the result is likely to be; saves steps, changes nothing
};

// Of one thread. tokenizer, ops must live as long as it.
class WindowDecoder {
 public:
  // REQUIRES: check_decode_options is content.
  WindowDecoder(const SpeechTokenizer& tokenizer, const DecodeOptions& options, const Ops& ops,
                Window window);
  WindowDecoder(WindowDecoder&&) = delete;

  // Memories it may have at a time.
  int slots() const;
  // At least one unless done().
  std::span<const Ask> asks() const { return asks_; }
  // logits[i]: rows of asks()[i] as it said, [vocab] each with tokenizer.vocab_size() <= vocab;
  // nullptr for Rows::none. They are overwritten. REQUIRES: !done()
  void answer(std::span<float* const> logits, int vocab);
  bool done() const { return done_; }
  // REQUIRES: done()
  const WindowResult& result() const { return result_; }
  // From the beginning, now with full padding. REQUIRES: verdict retry_full_padding
  void restart();

 private:
  enum class Phase { detect, context, head, prefix, search, draft };

  void begin();
  void begin_attempt();
  void ask_one(Phase phase, int parent, std::span<const TokenId> tokens, Rows rows);
  void ask_after_context();
  void ask_search();
  void ask_draft(TokenId next);
  void answer_draft(float* rows, int vocab);
  void answer_detect(std::span<float> logits);
  void answer_head(float* rows, int vocab);
  void read_no_speech(std::span<const float> logits);
  void step(std::span<const std::span<float>> logits);
  void judge();
  void settle();
  bool runs_away() const;

  const SpeechTokenizer& tokenizer_;
  const DecodeOptions options_;
  const Ops& ops_;
  const LogitRules rules_;
  Window window_;

  Phase phase_ = Phase::detect;
  std::vector<Ask> asks_;
  std::vector<TokenId> detect_tokens_;
  Prompt prompt_;
  bool sot_is_in_memory_ = false;
  std::unique_ptr<Search> search_;
  std::size_t draft_at_ = 0;           // the token of the draft that may come next
  std::vector<TokenId> draft_tokens_;  // of an ask: one that was found, and what may follow
  std::size_t rung_ = 0;
  std::vector<WindowResult> attempts_;  // that did not pass
  WindowResult result_;
  bool done_ = false;
};

}  // namespace serval::whisper
