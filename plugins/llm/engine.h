// The engine: requests in, text out, one step at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/formats/tokenizer.h"
#include "plugins/llm/chat.h"
#include "plugins/llm/clock.h"
#include "plugins/llm/cost_model.h"
#include "plugins/llm/generation.h"
#include "plugins/llm/language_model.h"
#include "plugins/llm/scheduler.h"

namespace serval::llm {

// What the engine has done since it started; for metrics.
struct EngineCounts {
  uint64_t steps = 0;
  uint64_t prefill_tokens = 0;
  uint64_t decode_tokens = 0;
  uint64_t preemptions = 0;
  uint64_t deadline_refusals = 0;         // requests ended by their deadline before any output
  uint64_t deadline_stops = 0;            // and those that had some
  int batch_tokens = 0;                   // of the last step
  int running = 0;                        // sequences in the last step's plan
  int waiting = 0;                        // sequences in line
  int blocks_used = 0, blocks_total = 0;  // used: by sequences
  int blocks_cached = 0;                  // kept for their content alone
  KvCacheCounts cache;
  DiskCounts disk;
};

struct EngineParts {
  const Tokenizer* tokenizer;
  const ChatFormat* chat;
  LanguageModel* model;
  const Ops* ops;
  KvMemory kv;
  DiskTier* disk;  // null: none; outlives the engine
  int blocks;
  int context;  // most tokens of one sequence
  SchedulerLimits limits;
  SamplingParams defaults;
  Clock clock = steady_ns;
  double weights_bytes = 0;  // a first idea of how long a step takes
};

// Not thread-safe: one thread owns it.
class Engine {
 public:
  explicit Engine(EngineParts parts);

  // Takes a request over; what is wrong with it goes to client->fail.
  // op: "chat" or "complete"; input: the conversation as JSON, or the prompt.
  void submit(uint64_t id, std::unique_ptr<Client> client, std::string_view op,
              std::string_view input, std::string_view params_json, const RequestInfo& info = {});

  // One step over all sequences that can run. False: nothing could.
  bool step();

  // The client's reader has room again.
  void writable(uint64_t id);

  // Requests held.
  std::size_t running() const { return generations_.size(); }
  // Ends all requests with this error.
  void abort(const Error& why);

  const EngineCounts& counts() const { return counts_; }

 private:
  Result<std::vector<int32_t>> prompt_tokens(std::string_view op, std::string_view input,
                                             const GenerateParams& params) const;
  Result<std::vector<int32_t>> encode(std::string_view text, const EncodeOptions& options,
                                      const char* param) const;
  Status check_length(const GenerateParams& params, std::size_t prompt) const;
  Rank rank_of(const RequestInfo& info, const Sequence& sequence) const;
  void reap();
  double next_token_ns(const Sequence& sequence) const;
  bool stop_late(uint64_t now_ns);
  int run(const std::vector<PlanEntry>& plan);
  void take_row(const PlanEntry& entry, int token, std::span<const float> logits);
  void start_output(Generation& generation, std::span<const float> logits);
  void extend(Generation& generation, Choice& choice, std::span<const float> logits);
  void fork(Generation& generation, Choice& choice);
  void close_choice(Generation& generation, Choice& choice, const char* finish_reason);
  void show(Generation& generation, Choice& choice);
  void end(Generation& generation);
  void drop(Generation& generation);

  EngineParts parts_;
  KvCache cache_;
  CostModel cost_;
  Scheduler scheduler_;
  std::unordered_map<uint64_t, std::unique_ptr<Generation>> generations_;
  std::unordered_map<const Sequence*, Generation*> owner_;
  std::vector<float> scratch_;
  std::vector<std::string> notes_;
  uint64_t random_seed_;
  std::size_t longest_token_ = 1;  // bytes
  EngineCounts counts_;
};

}  // namespace serval::llm
