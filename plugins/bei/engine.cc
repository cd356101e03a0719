#include "plugins/bei/engine.h"

#include <algorithm>

#include "plugins/bei/outputs.h"

namespace serval::bei {
namespace {

// A longer text does not hold up the step that it could have been in.
constexpr std::size_t kUrgentBytes = 16384;

std::string usage_json(const Job& job) {
  return "{\"prompt_tokens\":" + std::to_string(job.prompt_tokens) + '}';
}

// For the bound on what is tokenized ahead; a guess is enough.
int64_t guessed_tokens(const ItemText& text) {
  return int64_t(text.prompt.size() + text.first.size() + text.second.size()) / 4 + 2;
}

}  // namespace

Engine::Engine(EngineParts parts)
    : parts_(std::move(parts)),
      scheduler_(parts_.tokens_per_step),
      cache_(parts_.cache_bytes),
      queue_(*parts_.tokenizer, parts_.tokenizer_threads) {}

void Engine::submit(uint64_t id, std::unique_ptr<Client> client, std::string_view op,
                    std::vector<std::string_view> inputs, std::string_view params_json,
                    const RequestInfo& info) {
  Result<std::unique_ptr<Job>> made =
      make_job(id, op, std::move(inputs), params_json, parts_.facts);
  if (!made) return client->fail(made.error());
  Job& job = **made;
  job.client = std::move(client);
  job.space = info.space;
  job.priority = info.priority;
  job.since_ns = info.accepted_ns > 0 ? info.accepted_ns : parts_.clock();
  jobs_[id] = std::move(*made);
  if (job.op == Op::detokenize || job.op == Op::describe) return answer_at_once(job);
  scheduler_.add(job);
}

bool Engine::step() {
  take_tokenized();
  reap();
  feed();
  tokenize_ahead();
  reap();
  const bool ran = run(scheduler_.plan(parts_.clock()));
  if (tokenizing_ == for_model_) return ran;
  // Texts that clients want to see as tokens: one at a time, so that new requests are seen between.
  if (!queue_.help() && !ran) queue_.wait();
  take_tokenized();
  return true;
}

// Tokenizes until there is a step's worth, with something of every request, or no more.
void Engine::tokenize_ahead() {
  while (for_model_ > 0 && (urgent_ > 0 || scheduler_.ready_tokens() < parts_.tokens_per_step)) {
    if (!queue_.help()) queue_.wait();
    take_tokenized();
    if (for_model_ == 0) feed();
  }
}

// Ends the requests that nobody waits for.
void Engine::reap() {
  std::vector<Job*> gone;
  for (const auto& [id, job] : jobs_)
    if (job->ending || job->client->cancelled()) gone.push_back(job.get());
  for (Job* job : gone) end(*job);
}

// Hands texts to the tokenizer: the next of every request that has none ready, then more in order,
// as far as the bound goes.
void Engine::feed() {
  const int64_t most = int64_t(kStepsAhead) * parts_.tokens_per_step;
  std::vector<uint64_t> order;
  for (Flow* flow : scheduler_.order(parts_.clock())) order.push_back(static_cast<Job*>(flow)->id);
  bool first = true, more = true;
  while (more) {
    more = false;
    for (const uint64_t id : order) {
      Job* job = find(id);  // it may have ended: all its results were in the cache
      if (job == nullptr || job->parked || job->ending) continue;
      const bool idle = job->ready.empty() && job->tokenizing == 0;
      if (!(first && idle) && scheduler_.ready_tokens() + guessed_ >= most) continue;
      more = start_next(*job, first) || more;
    }
    first = false;
  }
}

// The next item on its way. False: there is none, or the request has ended.
bool Engine::start_next(Job& job, bool first) {
  const uint64_t id = job.id;
  while (true) {
    std::size_t item;
    if (!job.again.empty()) {
      item = std::size_t(job.again.front());
      job.again.pop_front();
    } else if (job.next < job.items.size()) {
      item = job.next++;
      if (job.items[item].copy) continue;
    } else {
      return false;
    }
    if (from_cache(job, item)) {
      if (find(id) == nullptr || job.parked) return false;
      continue;
    }
    if (job.params.token_ids) {
      TextEncoding encoding;
      encoding.ids.assign((*job.params.token_ids)[item].begin(),
                          (*job.params.token_ids)[item].end());
      take_encoding(job, int(item), std::move(encoding));
      return find(id) != nullptr;
    }
    const ItemText text = item_text(job, item, parts_.facts);
    TokenizeJob work;
    work.request = job.id;
    work.item = int(item);
    work.prompt = text.prompt;
    work.first = text.first;
    work.second = text.second;
    work.pair = text.pair;
    work.truncate = job.params.truncate;
    work.options.add_special = job.params.add_special_tokens;
    work.options.truncation_side =
        job.params.keep_end ? TruncationSide::left : TruncationSide::right;
    work.for_model = job.op != Op::tokenize;
    if (work.for_model) work.options.max_tokens = std::size_t(parts_.facts.max_input_tokens);
    work.urgent = first && work.for_model && work.first.size() + work.second.size() <= kUrgentBytes;
    urgent_ += work.urgent;
    for_model_ += work.for_model;
    queue_.push(std::move(work));
    ++job.tokenizing;
    ++tokenizing_;
    guessed_ += guessed_tokens(text);
    return true;
  }
}

// The tokenizer has it no longer.
void Engine::forget(const TokenizeJob& work) {
  --tokenizing_;
  urgent_ -= work.urgent;
  for_model_ -= work.for_model;
  guessed_ -= guessed_tokens({work.prompt, work.first, work.second, work.pair});
}

void Engine::take_tokenized() {
  counts_.tokenize_seconds = queue_.take_done(done_);
  for (TokenizeJob& work : done_) {
    forget(work);
    Job& job = *find(work.request);  // a request stays while the tokenizer has a text of it
    --job.tokenizing;
    if (job.ending) {
      end(job);
    } else if (!work.result) {
      const Error& why = work.result.error();
      fail(job, error(why.code, "input " + std::to_string(work.item) + " " + why.message, "texts"));
    } else {
      take_encoding(job, work.item, std::move(*work.result));
    }
  }
  done_.clear();
}

void Engine::take_encoding(Job& job, int item, TextEncoding encoding) {
  Item& place = job.items[std::size_t(item)];
  place.encoding = std::move(encoding);
  if (job.op == Op::tokenize) return give(job, std::size_t(item), {});
  std::vector<TokenId>& ids = place.encoding.ids;
  const std::size_t most = std::size_t(parts_.facts.max_input_tokens);
  if (ids.empty())
    return fail(job, invalid("input " + std::to_string(item) + " has no tokens", "texts"));
  if (ids.size() > most) {  // given as ids: the tokenizer keeps to the limit itself
    if (!job.params.truncate)
      return fail(job,
                  error(Code::out_of_range,
                        "input " + std::to_string(item) + " has " + std::to_string(ids.size()) +
                            " tokens; at most " + std::to_string(most) + " are taken",
                        "token_ids"));
    if (job.params.keep_end)
      ids.erase(ids.begin(), ids.end() - std::ptrdiff_t(most));
    else
      ids.resize(most);
  }
  if (job.parked) {  // its reader became slow meanwhile: its tokens are not kept
    place.encoding = {};
    job.again.push_back(item);
    return;
  }
  scheduler_.push(job, {item, int(ids.size())});
}

bool Engine::run(const std::vector<Scheduler::Pick>& picks) {
  if (picks.empty()) return false;
  std::vector<std::vector<float>> results(picks.size());
  std::vector<BatchItem> batch;
  counts_.batch_tokens = 0;
  for (std::size_t i = 0; i < picks.size(); ++i) {
    const Job& job = *static_cast<Job*>(picks[i].flow);
    const TextEncoding& encoding = job.items[std::size_t(picks[i].item)].encoding;
    batch.push_back({encoding.ids, encoding.type_ids, job.want, &results[i]});
    counts_.batch_tokens += int(encoding.ids.size());
  }
  parts_.model->run(batch);
  ++counts_.steps;
  counts_.tokens += uint64_t(counts_.batch_tokens);
  counts_.batch_items = int(picks.size());
  std::vector<uint64_t> ids;
  for (const Scheduler::Pick& pick : picks) ids.push_back(static_cast<Job*>(pick.flow)->id);
  for (std::size_t i = 0; i < picks.size(); ++i) {
    Job* job = find(ids[i]);
    if (job == nullptr) continue;
    const auto item = std::size_t(picks[i].item);
    if (cache_.on() && (job->want == Want::pooled || job->want == Want::classes)) {
      const int tokens = int(job->items[item].encoding.ids.size());
      cache_.put(cache_key(*job, item), {results[i], tokens});
    }
    give(*job, item, results[i]);
  }
  counts_.cache_bytes = cache_.bytes();
  return true;
}

void Engine::writable(uint64_t id) {
  Job* job = find(id);
  if (job == nullptr || job->ending) return;
  job->client->flush();
  job->parked = job->client->blocked();
  if (job->parked) return;
  kept_bytes_ -= job->kept_bytes;
  job->kept_bytes = 0;
  settle(*job);
}

// Its tokens would count against the bound of all: they are made again when its reader is back.
void Engine::park(Job& job) {
  if (job.parked) return;
  job.parked = true;
  for (const int item : scheduler_.take_back(job)) {
    job.items[std::size_t(item)].encoding = {};
    job.again.push_back(item);
  }
}

Job* Engine::find(uint64_t id) {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : found->second.get();
}

void Engine::fail(Job& job, Error why) {
  if (!job.failure) job.failure = std::move(why);
  end(job);
}

// Tells the client and forgets the request, or does so when the tokenizer has let go of its texts.
void Engine::end(Job& job) {
  if (!job.ending) {
    job.ending = true;
    scheduler_.remove(job);
    job.again.clear();
    for (const TokenizeJob& work : queue_.remove(job.id)) {
      --job.tokenizing;
      forget(work);
    }
  }
  if (job.tokenizing > 0) return;
  if (job.failure)
    job.client->fail(*job.failure);
  else
    job.client->finish_cancelled(usage_json(job));
  kept_bytes_ -= job.kept_bytes;
  jobs_.erase(job.id);
}

// Ends a request whose results are all given and taken.
void Engine::settle(Job& job) {
  if (job.open > 0 || job.parked) return;
  scheduler_.remove(job);
  job.client->done(usage_json(job));
  jobs_.erase(job.id);
}

void Engine::abort(const Error& why) {
  for (const auto& [id, job] : jobs_)
    if (!job->failure) job->failure = why;
  std::vector<uint64_t> ids;
  for (const auto& [id, job] : jobs_) ids.push_back(id);
  for (const uint64_t id : ids)
    if (Job* job = find(id)) end(*job);
  while (!jobs_.empty()) {
    queue_.wait();
    take_tokenized();
  }
}

}  // namespace serval::bei
