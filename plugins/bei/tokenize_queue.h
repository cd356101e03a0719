// Texts on their way through the tokenizer: a queue that threads of its own work off while the
// engine's thread computes, and that the engine's thread works off itself when it has nothing else.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "common/tokenizers/text_tokenizer.h"

namespace serval::bei {

struct TokenizeJob {
  uint64_t request = 0;
  int item = 0;
  std::string_view prompt;         // before the first text; these live until the job is done or
  std::string_view first, second;  // removed
  bool pair = false;
  TextEncodeOptions options;
  bool for_model = true;  // the engine's; not looked at here
  bool urgent = false;    // it goes before those that are not
  bool truncate = false;  // what is longer than options.max_tokens is cut; else it is an error
  Result<TextEncoding> result = TextEncoding{};  // error: out_of_range, saying both lengths
};

// All functions: the engine's thread only.
class TokenizeQueue {
 public:
  TokenizeQueue(const TextTokenizer& tokenizer, int threads);
  ~TokenizeQueue();
  TokenizeQueue(const TokenizeQueue&) = delete;
  TokenizeQueue& operator=(const TokenizeQueue&) = delete;

  // Unbounded in itself: the engine bounds what it pushes.
  void push(TokenizeJob job);
  // Does one job here. False: none is queued.
  bool help();
  // Until a job that another thread works on is done. REQUIRES: one is unfinished.
  void wait();
  // Jobs done since the last call. Returns the processor time of all jobs so far, seconds.
  double take_done(std::vector<TokenizeJob>& out);
  // The queued jobs of a request. Those under way still come out as done.
  std::vector<TokenizeJob> remove(uint64_t request);

 private:
  void work();
  // The first queued job, with the lock given up meanwhile. REQUIRES: there is one.
  void encode_next(std::unique_lock<std::mutex>& lock);
  void encode(TokenizeJob& job) const;

  const TextTokenizer& tokenizer_;
  std::mutex mutex_;
  std::condition_variable queued_signal_, done_signal_;
  std::deque<TokenizeJob> queued_;
  std::vector<TokenizeJob> done_;
  double seconds_ = 0;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace serval::bei
