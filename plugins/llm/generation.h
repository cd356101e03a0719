// One request under way: its choices, and who is told.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "plugins/llm/params.h"
#include "plugins/llm/sampler.h"
#include "plugins/llm/sequence.h"
#include "plugins/llm/text_stream.h"

namespace serval::llm {

// How a request is to be served, besides what it asks for. Times are on the engine's clock.
struct RequestInfo {
  int priority = 0;          // lower is served sooner
  uint64_t accepted_ns = 0;  // since when it waits; 0: since now
  uint64_t deadline_ns = 0;  // for its last token; 0: none
  // Only requests of the same space share what the cache has of their prompts.
  std::string_view space = {};
};

// The other end of a request. Called on the engine's thread only; destroyed after done or fail.
class Client {
 public:
  virtual ~Client() = default;
  // True when nobody waits for the output any more.
  virtual bool cancelled() const = 0;
  // One piece of output `index`. Kept by the client while its reader is slow.
  virtual void text(int index, std::string_view text, std::string_view meta_json, bool last) = 0;
  // True while something is kept: produce nothing more.
  virtual bool blocked() const = 0;
  // Tries again to pass on what is kept.
  virtual void flush() = 0;
  // The end; exactly one of these. Nothing is kept when done is called.
  virtual void done(std::string_view usage_json) = 0;
  virtual void fail(const Error& error) = 0;
  virtual void finish_cancelled(std::string_view usage_json) = 0;
};

struct Choice {
  int index;
  Sequence sequence;
  Sampler sampler;
  TextStream text;
  bool started = false;  // in the scheduler
  bool ended = false;
};

struct Generation {
  uint64_t id = 0;
  std::unique_ptr<Client> client;
  GenerateParams params;
  int prompt_size = 0;
  int max_tokens = 0;
  uint64_t deadline_ns = 0;                      // 0: none
  std::vector<std::unique_ptr<Choice>> choices;  // [n]; the first computes the prompt for all
  bool prompt_done = false;                      // the prompt is computed and echoed
  std::vector<std::string> prompt_notes;  // echo with logprobs: one entry for each prompt token
  int open = 0;                           // choices that have not ended
  int completion_tokens = 0;

  bool wants_prompt_logprobs() const { return params.echo && params.logprobs && !prompt_done; }
};

}  // namespace serval::llm
