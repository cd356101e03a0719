#include "plugins/bei/tokenize_queue.h"

#include <algorithm>
#include <string>
#include <time.h>

namespace serval::bei {
namespace {

double thread_seconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}

}  // namespace

TokenizeQueue::TokenizeQueue(const TextTokenizer& tokenizer, int threads) : tokenizer_(tokenizer) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

TokenizeQueue::~TokenizeQueue() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  queued_signal_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void TokenizeQueue::encode(TokenizeJob& job) const {
  std::string joined;
  std::string_view first = job.first;
  if (!job.prompt.empty()) first = joined = std::string(job.prompt) + std::string(job.first);
  const auto run = [&](const TextEncodeOptions& options) {
    return job.pair ? tokenizer_.encode_pair(first, job.second, options)
                    : tokenizer_.encode(first, options);
  };
  TextEncoding encoding = run(job.options);
  const std::size_t most = job.options.max_tokens;
  if (most > 0 && ((encoding.truncated && !job.truncate) || encoding.ids.size() > most)) {
    TextEncodeOptions whole = job.options;
    whole.max_tokens = 0;
    job.result =
        error(Code::out_of_range, "has " + std::to_string(run(whole).ids.size()) +
                                      " tokens; at most " + std::to_string(most) + " are taken");
    return;
  }
  job.result = std::move(encoding);
}

void TokenizeQueue::encode_next(std::unique_lock<std::mutex>& lock) {
  TokenizeJob job = std::move(queued_.front());
  queued_.pop_front();
  lock.unlock();
  const double begin = thread_seconds();
  encode(job);
  const double seconds = thread_seconds() - begin;
  lock.lock();
  seconds_ += seconds;
  done_.push_back(std::move(job));
}

void TokenizeQueue::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    queued_signal_.wait(lock, [&] { return stop_ || !queued_.empty(); });
    if (stop_) return;
    encode_next(lock);
    done_signal_.notify_one();
  }
}

void TokenizeQueue::push(TokenizeJob job) {
  bool several;
  {
    const std::lock_guard lock(mutex_);
    queued_.insert(job.urgent ? queued_.begin() : queued_.end(), std::move(job));
    several = queued_.size() > 1;
  }
  // A single text is quicker done by the engine's thread than handed over.
  if (several) queued_signal_.notify_one();
}

bool TokenizeQueue::help() {
  std::unique_lock lock(mutex_);
  if (queued_.empty()) return false;
  encode_next(lock);
  return true;
}

void TokenizeQueue::wait() {
  std::unique_lock lock(mutex_);
  done_signal_.wait(lock, [&] { return !done_.empty(); });
}

double TokenizeQueue::take_done(std::vector<TokenizeJob>& out) {
  out.clear();
  const std::lock_guard lock(mutex_);
  out.swap(done_);
  return seconds_;
}

std::vector<TokenizeJob> TokenizeQueue::remove(uint64_t request) {
  std::vector<TokenizeJob> removed;
  std::deque<TokenizeJob> others;
  const std::lock_guard lock(mutex_);
  for (TokenizeJob& job : queued_) {
    if (job.request == request)
      removed.push_back(std::move(job));
    else
      others.push_back(std::move(job));
  }
  queued_.swap(others);
  return removed;
}

}  // namespace serval::bei
