#include "plugins/llm/engine.h"

#include <algorithm>
#include <random>

#include "common/utf8.h"
#include "plugins/llm/logprob_json.h"

namespace serval::llm {
namespace {

constexpr int kDefaultCompleteTokens = 16;

std::string usage_json(const Generation& generation) {
  const int cached = std::max(generation.choices[0]->sequence.cached, 0);
  return "{\"prompt_tokens\":" + std::to_string(generation.prompt_size) +
         ",\"completion_tokens\":" + std::to_string(generation.completion_tokens) +
         ",\"cached_tokens\":" + std::to_string(cached) + '}';
}

}  // namespace

Engine::Engine(EngineParts parts)
    : parts_(std::move(parts)),
      cache_(parts_.blocks, parts_.kv, parts_.disk),
      cost_(parts_.weights_bytes),
      scheduler_(parts_.limits, cache_, &cost_),
      random_seed_(std::random_device{}()) {
  counts_.blocks_total = parts_.blocks;
  for (int32_t token = 0; token < parts_.tokenizer->vocab_size(); ++token)
    longest_token_ = std::max(longest_token_, parts_.tokenizer->decode(token).size());
}

// A text that cannot fit is refused before the time to encode it is spent.
Result<std::vector<int32_t>> Engine::encode(std::string_view text, const EncodeOptions& options,
                                            const char* param) const {
  if (text.size() > std::size_t(parts_.context) * longest_token_)
    return invalid("the prompt has " + std::to_string(text.size()) +
                       " bytes; that is more than the model's context of " +
                       std::to_string(parts_.context) + " tokens can hold",
                   param);
  return parts_.tokenizer->encode(text, options);
}

Result<std::vector<int32_t>> Engine::prompt_tokens(std::string_view op, std::string_view input,
                                                   const GenerateParams& params) const {
  if (op == "chat") {
    const Result<std::string> prompt = parts_.chat->render(input, params);
    if (!prompt) return prompt.error();
    return encode(*prompt, {.parse_special = true}, "messages");
  }
  if (params.prompt_tokens && params.prompt_tokens->empty())
    return invalid("the prompt has no tokens", "prompt");
  if (params.prompt_tokens) return *params.prompt_tokens;
  Result<std::vector<int32_t>> tokens =
      encode(input, {.parse_special = true, .add_special = true}, "prompt");
  if (tokens && tokens->empty()) return invalid("the prompt has no tokens", "prompt");
  return tokens;
}

Status Engine::check_length(const GenerateParams& params, std::size_t prompt) const {
  const auto context = std::size_t(parts_.context);
  if (prompt > context || (prompt == context && params.max_tokens != 0))
    return invalid("the prompt has " + std::to_string(prompt) +
                       " tokens; the model's context holds " + std::to_string(context) +
                       " tokens of prompt and output",
                   "messages");
  if (params.max_tokens > 0 && prompt + std::size_t(params.max_tokens) > context)
    return invalid("the prompt has " + std::to_string(prompt) + " tokens and max_tokens is " +
                       std::to_string(params.max_tokens) +
                       "; together they exceed the context of " + std::to_string(context) +
                       " tokens",
                   "max_tokens");
  return {};
}

void Engine::submit(uint64_t id, std::unique_ptr<Client> client, std::string_view op,
                    std::string_view input, std::string_view params_json, const RequestInfo& info) {
  const bool chat = op == "chat";
  if (!chat && op != "complete")
    return client->fail(error(Code::unimplemented, "no operation \"" + std::string(op) + '"'));
  if (info.deadline_ns != 0 && info.deadline_ns <= parts_.clock()) {
    ++counts_.deadline_refusals;
    return client->fail(error(Code::deadline_exceeded, "the deadline has passed already"));
  }
  Result<GenerateParams> params =
      parse_params(params_json, chat, parts_.model->vocab(), parts_.defaults);
  if (!params) return client->fail(params.error());
  Result<std::vector<int32_t>> tokens = prompt_tokens(op, input, *params);
  if (!tokens) return client->fail(tokens.error());
  if (const Status status = check_length(*params, tokens->size()); !status) {
    Error too_long = status.error();
    if (!chat && too_long.param == "messages") too_long.param = "prompt";
    return client->fail(too_long);
  }

  auto generation = std::make_unique<Generation>();
  generation->id = id;
  generation->client = std::move(client);
  generation->params = std::move(*params);
  generation->deadline_ns = info.deadline_ns;
  generation->prompt_size = int(tokens->size());
  const int room = parts_.context - generation->prompt_size;
  const int asked = generation->params.max_tokens;
  generation->max_tokens =
      asked >= 0 ? asked : std::min(room, chat ? room : kDefaultCompleteTokens);
  const uint64_t seed = random_seed_ ^ (id * 0x9E3779B97F4A7C15u);
  for (int i = 0; i < generation->params.n; ++i) {
    auto choice =
        std::make_unique<Choice>(Choice{i,
                                        {},
                                        Sampler(generation->params.sampling, *tokens, seed, i),
                                        TextStream(generation->params.stop)});
    choice->sequence.tokens = *tokens;
    choice->sequence.prompt_size = generation->prompt_size;
    choice->sequence.space = info.space;
    choice->sequence.deadline_ns = info.deadline_ns;
    owner_[&choice->sequence] = generation.get();
    generation->choices.push_back(std::move(choice));
  }
  generation->open = generation->params.n;
  Choice& first = *generation->choices[0];
  first.started = true;
  if (generation->wants_prompt_logprobs()) first.sequence.reusable = 0;
  const Rank rank = rank_of(info, first.sequence);
  for (const auto& choice : generation->choices) choice->sequence.rank = rank;
  scheduler_.add(first.sequence);
  generations_[id] = std::move(generation);
}

// Of a request that has not begun; `sequence` has its prompt.
Rank Engine::rank_of(const RequestInfo& info, const Sequence& sequence) const {
  Rank rank{.priority = info.priority,
            .arrived_ns = info.accepted_ns != 0 ? info.accepted_ns : parts_.clock()};
  if (info.deadline_ns == 0) return rank;
  const int found = cache_.cached(sequence);
  const double needed = StepBudget(&cost_, 1, {})
                            .time_ns(found, sequence.size() - found, parts_.limits.tokens_per_step);
  rank.latest_start_ns = uint64_t(std::max(double(info.deadline_ns) - needed, 0.0));
  return rank;
}

void Engine::writable(uint64_t id) {
  const auto found = generations_.find(id);
  if (found == generations_.end()) return;
  Generation& generation = *found->second;
  generation.client->flush();
  if (generation.client->blocked()) return;
  if (generation.open == 0) return end(generation);
  for (const auto& choice : generation.choices) choice->sequence.parked = false;
}

void Engine::reap() {
  std::vector<Generation*> gone;
  for (const auto& [id, generation] : generations_)
    if (generation->client->cancelled()) gone.push_back(generation.get());
  for (Generation* generation : gone) {
    generation->client->finish_cancelled(usage_json(*generation));
    drop(*generation);
  }
}

bool Engine::step() {
  const uint64_t now = parts_.clock();
  reap();
  cache_.begin_step();
  std::vector<PlanEntry> plan = scheduler_.plan_step(now);
  while (stop_late(now)) plan = scheduler_.plan_step(now);
  counts_.running = int(plan.size());
  counts_.batch_tokens = 0;
  if (!plan.empty()) {
    StepShape shape;
    for (const PlanEntry& entry : plan) shape.add(entry.sequence->computed, entry.count);
    const uint64_t start = parts_.clock();  // planning may have read from the disk
    const int rows = run(plan);
    // Log-probabilities of a prompt are work that the shape does not show.
    if (rows <= counts_.running) cost_.observe(shape, double(parts_.clock() - start));
    ++counts_.steps;
  }
  counts_.waiting = scheduler_.waiting();
  counts_.preemptions = scheduler_.preemptions();
  counts_.blocks_used = cache_.used();
  counts_.blocks_cached = cache_.idle();
  counts_.cache = cache_.counts();
  if (parts_.disk != nullptr) counts_.disk = parts_.disk->counts();
  return !plan.empty() || scheduler_.reading();
}

// Returns the rows of logits that were computed.
int Engine::run(const std::vector<PlanEntry>& plan) {
  struct Wanted {
    std::size_t entry;
    int token;      // index in the sequence of the token whose row it is
    bool greatest;  // nothing but the greatest logit matters
  };
  std::vector<ModelSlice> slices;
  std::vector<Wanted> wanted;
  for (std::size_t i = 0; i < plan.size(); ++i) {
    const Sequence& s = *plan[i].sequence;
    const int end = s.computed + plan[i].count;
    int from = end == s.size() ? end - 1 : end;  // the last token's row gives the next token
    const Generation& generation = *owner_[&s];
    const bool greatest =
        generation.params.sampling.takes_greatest() && !generation.params.logprobs;
    if (generation.wants_prompt_logprobs())
      from = std::clamp(int(generation.prompt_notes.size()) - 1, s.computed, from);
    slices.push_back(
        {s.tokens.data() + s.computed, plan[i].count, s.computed, s.blocks, from - s.computed});
    for (int token = from; token < end; ++token) wanted.push_back({i, token, greatest});
    counts_.batch_tokens += plan[i].count;
    (plan[i].count == 1 && s.output_size() > 0 ? counts_.decode_tokens : counts_.prefill_tokens) +=
        uint64_t(plan[i].count);
  }
  const int rows = parts_.model->forward(slices, parts_.kv);
  scheduler_.commit(plan);

  const auto vocab = std::size_t(parts_.model->vocab());
  for (int first = 0; first < rows; first += LanguageModel::kLogitRows) {
    const int count = std::min(LanguageModel::kLogitRows, rows - first);
    const bool greatest = std::all_of(wanted.begin() + first, wanted.begin() + first + count,
                                      [](const Wanted& row) { return row.greatest; });
    const float* logits =
        parts_.model->logits(first, count, greatest ? LogitsFor::greatest : LogitsFor::sampling);
    for (int i = 0; i < count; ++i) {
      const Wanted& row = wanted[std::size_t(first + i)];
      take_row(plan[row.entry], row.token, {logits + std::size_t(i) * vocab, vocab});
    }
  }
  return rows;
}

// One row of logits: what comes after `token` of the entry's sequence.
void Engine::take_row(const PlanEntry& entry, int token, std::span<const float> logits) {
  const auto found = owner_.find(entry.sequence);
  if (found == owner_.end()) return;  // its request ended earlier in this step
  Generation& generation = *found->second;
  const Sequence& sequence = *entry.sequence;
  if (generation.wants_prompt_logprobs() && token + 1 < generation.prompt_size) {
    auto& notes = generation.prompt_notes;
    const auto next = sequence.tokens[std::size_t(token + 1)];
    if (notes.empty()) notes.push_back(token_entry(*parts_.tokenizer, sequence.tokens[0], {}));
    if (int(notes.size()) == token + 1)
      notes.push_back(
          token_entry(*parts_.tokenizer, next,
                      token_logprobs(*parts_.ops, logits, next, generation.params.top_logprobs)));
    // The rows from the last noted token on are still wanted, whatever happens to the sequence.
    generation.choices[0]->sequence.reusable = int(notes.size()) - 1;
  }
  if (token + 1 != sequence.size()) return;
  if (!generation.prompt_done) return start_output(generation, logits);
  for (const auto& choice : generation.choices)
    if (&choice->sequence == entry.sequence) return extend(generation, *choice, logits);
}

// The prompt is computed: echo it, and give every choice its first token from the same logits.
void Engine::start_output(Generation& generation, std::span<const float> logits) {
  const GenerateParams& params = generation.params;
  const Sequence& leader = generation.choices[0]->sequence;
  if (params.echo) {
    if (params.logprobs && generation.prompt_notes.empty())  // a prompt of one token
      generation.prompt_notes.push_back(token_entry(*parts_.tokenizer, leader.tokens[0], {}));
    const std::string text = replace_invalid_utf8(parts_.tokenizer->decode(
        std::span(leader.tokens).first(std::size_t(leader.prompt_size)), false));
    const std::string meta = text_meta(generation.prompt_notes, nullptr, true);
    for (const auto& choice : generation.choices)
      generation.client->text(choice->index, text, meta, false);
  }
  generation.prompt_done = true;
  generation.choices[0]->sequence.reusable = INT_MAX;
  generation.prompt_notes.clear();
  const uint64_t id = generation.id;
  for (std::size_t i = 1; i < generation.choices.size(); ++i)
    fork(generation, *generation.choices[i]);
  for (int i = 0; i < params.n; ++i) {
    extend(generation, *generation.choices[std::size_t(i)], logits);
    if (!generations_.contains(id)) return;  // that was its end
  }
}

// The choice takes over the first one's prompt. Without room for that it computes it later, itself.
void Engine::fork(Generation& generation, Choice& choice) {
  Sequence& s = choice.sequence;
  choice.started = true;
  const Sequence& leader = generation.choices[0]->sequence;
  if (!cache_.fork(leader, leader.prompt_size, s)) return scheduler_.add(s);
  scheduler_.add_running(s);
}

void Engine::extend(Generation& generation, Choice& choice, std::span<const float> logits) {
  if (choice.ended) return;
  Sequence& s = choice.sequence;
  if (generation.max_tokens == 0) return close_choice(generation, choice, "length");
  const int32_t token = choice.sampler.sample(*parts_.ops, logits, s.size(), scratch_);
  if (token < 0) {
    generation.client->fail(error(Code::internal, "the model's output is not a number"));
    return drop(generation);
  }
  ++generation.completion_tokens;
  choice.sampler.accept(token);
  if (parts_.tokenizer->is_end(token) && !generation.params.ignore_eos)
    return close_choice(generation, choice, "stop");

  s.tokens.push_back(token);
  std::string note;
  if (generation.params.logprobs)
    note = token_entry(*parts_.tokenizer, token,
                       token_logprobs(*parts_.ops, logits, token, generation.params.top_logprobs));
  const bool hidden = parts_.tokenizer->is_control(token);
  if (choice.text.add(hidden ? std::string_view() : parts_.tokenizer->decode(token),
                      std::move(note)))
    return close_choice(generation, choice, "stop");
  if (s.output_size() >= generation.max_tokens || s.size() >= parts_.context)
    return close_choice(generation, choice, "length");
  show(generation, choice);
}

void Engine::show(Generation& generation, Choice& choice) {
  const std::string text = choice.text.take(notes_);
  if (text.empty() && notes_.empty()) return;
  generation.client->text(choice.index, text, text_meta(notes_, nullptr, false), false);
  if (!generation.client->blocked()) return;
  for (const auto& other : generation.choices) other->sequence.parked = true;
}

void Engine::close_choice(Generation& generation, Choice& choice, const char* finish_reason) {
  choice.text.end();
  const std::string text = choice.text.take(notes_);
  choice.ended = true;
  if (choice.started) scheduler_.remove(choice.sequence);
  owner_.erase(&choice.sequence);
  generation.client->text(choice.index, text, text_meta(notes_, finish_reason, false), true);
  if (--generation.open > 0) return;
  if (!generation.client->blocked()) end(generation);  // else writable() does
}

void Engine::end(Generation& generation) {
  generation.client->done(usage_json(generation));
  drop(generation);
}

// Forgets the request; its client has been told.
void Engine::drop(Generation& generation) {
  for (const auto& choice : generation.choices) {
    if (choice->started && !choice->ended) scheduler_.remove(choice->sequence);
    owner_.erase(&choice->sequence);
  }
  generations_.erase(generation.id);
}

void Engine::abort(const Error& why) {
  while (!generations_.empty()) {
    Generation& generation = *generations_.begin()->second;
    generation.client->fail(why);
    drop(generation);
  }
}

}  // namespace serval::llm
