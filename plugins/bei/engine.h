// The engine: requests in, results out, one forward pass at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "plugins/bei/job.h"
#include "plugins/bei/result_cache.h"
#include "plugins/bei/tokenize_queue.h"

namespace serval::bei {

// What the engine has done since it started; for metrics.
struct EngineCounts {
  uint64_t steps = 0;
  uint64_t tokens = 0;      // computed
  uint64_t items = 0;       // results given
  uint64_t copies = 0;      // of them, those whose input came twice in a request
  uint64_t cache_hits = 0;  // and those from the cache
  int batch_tokens = 0;     // of the last step
  int batch_items = 0;
  std::size_t cache_bytes = 0;
  double tokenize_seconds = 0;  // of processor time
};

// Most that is kept of results which slow readers have no room for, all requests together; what is
// beyond it is computed again when its reader is back.
inline constexpr std::size_t kMostKeptBytes = std::size_t(32) << 20;

struct EngineParts {
  const TextTokenizer* tokenizer = nullptr;
  Model* model = nullptr;
  ModelFacts facts;
  int tokens_per_step = 512;
  int tokenizer_threads = 1;
  std::size_t cache_bytes = 0;
  std::size_t most_kept_bytes = kMostKeptBytes;
  std::function<uint64_t()> clock;  // nanoseconds
};

// Not thread-safe: one thread owns it.
class Engine {
 public:
  explicit Engine(EngineParts parts);

  // Takes a request over; what is wrong with it goes to client->fail. The views live until the
  // client is finished.
  void submit(uint64_t id, std::unique_ptr<Client> client, std::string_view op,
              std::vector<std::string_view> inputs, std::string_view params_json,
              const RequestInfo& info = {});

  // One forward pass over texts of all requests that can run. False: nothing could.
  bool step();

  // The client's reader has room again.
  void writable(uint64_t id);
  // Gives back what is only kept.
  void shrink() { cache_.clear(); }

  std::size_t running() const { return jobs_.size(); }
  // Ends all requests with this error.
  void abort(const Error& why);

  const EngineCounts& counts() const { return counts_; }

 private:
  // Tokens that wait, tokenized, for their step: so many steps' worth.
  static constexpr int kStepsAhead = 2;

  void reap();
  void feed();
  bool start_next(Job& job, bool first);
  void tokenize_ahead();
  void take_tokenized();
  void forget(const TokenizeJob& work);
  void take_encoding(Job& job, int item, TextEncoding encoding);
  void ready(Job& job, int item);
  bool run(const std::vector<Scheduler::Pick>& picks);

  std::string cache_key(const Job& job, std::size_t item) const;
  bool from_cache(Job& job, std::size_t item);
  void give(Job& job, std::size_t item, std::span<const float> values);
  void emit(Job& job, std::size_t item, std::span<const float> values);
  void emit_vector(Job& job, std::size_t item, std::span<const float> values);
  void take_score(Job& job, std::size_t item, std::span<const float> values);
  void count_done(Job& job, std::size_t item);
  void answer_at_once(Job& job);

  Job* find(uint64_t id);
  void park(Job& job);
  void fail(Job& job, Error why);
  void end(Job& job);
  void settle(Job& job);

  EngineParts parts_;
  Scheduler scheduler_;
  ResultCache cache_;
  std::unordered_map<uint64_t, std::unique_ptr<Job>> jobs_;
  std::size_t kept_bytes_ = 0;
  int tokenizing_ = 0;   // jobs in the tokenizer
  int for_model_ = 0;    // of them, those whose tokens the model will read
  int urgent_ = 0;       // of those, the first of their requests
  int64_t guessed_ = 0;  // tokens they are thought to become
  std::vector<TokenizeJob> done_;
  EngineCounts counts_;
  TokenizeQueue queue_;  // last: its threads end before the texts they read
};

}  // namespace serval::bei
