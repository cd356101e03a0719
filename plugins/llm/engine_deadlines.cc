// Requests that cannot have another token by their deadline: nothing is computed for them.
#include <algorithm>

#include "plugins/llm/engine.h"

namespace serval::llm {
namespace {

// A request is given up when this share of the time predicted for its next token is more than what
// is left: predictions err, and a step too many costs less than an answer that could have been.
constexpr double kSure = 0.8;

std::string ms(double ns) { return std::to_string(int64_t(std::max(ns, 0.0) / 1e6)) + " ms"; }

}  // namespace

// The least time until the sequence has its next token. 0: not known.
double Engine::next_token_ns(const Sequence& sequence) const {
  // What waits may find its prompt in the cache when it is admitted.
  const int todo = sequence.running ? sequence.todo() : 1;
  const int chunk = std::min(todo, parts_.limits.tokens_per_step);
  if (todo <= 0 || !cost_.trusted(chunk)) return 0;
  const int from = sequence.running ? sequence.computed : 0;
  return StepBudget(&cost_, 1, {}).time_ns(from, todo, chunk);
}

// Ends what has no hope left. True: the plan made before holds no more.
bool Engine::stop_late(uint64_t now_ns) {
  struct Late {
    Generation* generation;
    double needed_ns;
  };
  std::vector<Late> late;
  for (const auto& [id, generation] : generations_) {
    // What a slow reader holds up is the host's to end: no text can be passed on now.
    if (generation->deadline_ns == 0 || generation->open == 0 || generation->client->blocked())
      continue;
    double needed = -1;
    for (const auto& choice : generation->choices) {
      if (!choice->started || choice->ended) continue;
      const double next = next_token_ns(choice->sequence);
      needed = needed < 0 ? next : std::min(needed, next);
    }
    if (double(now_ns) + kSure * std::max(needed, 0.0) >= double(generation->deadline_ns))
      late.push_back({generation.get(), needed});
  }
  for (const auto& [generation, needed] : late) {
    const double left = double(generation->deadline_ns) - double(now_ns);
    if (generation->completion_tokens == 0) {
      ++counts_.deadline_refusals;
      generation->client->fail(
          error(Code::deadline_exceeded,
                left <= 0 ? "the deadline passed before there was any output"
                          : "the deadline cannot be met: the first token takes another " +
                                ms(needed) + ", " + ms(left) + " are left"));
      drop(*generation);
      continue;
    }
    ++counts_.deadline_stops;
    std::vector<Choice*> open;
    for (const auto& choice : generation->choices)
      if (!choice->ended) open.push_back(choice.get());
    for (Choice* choice : open) close_choice(*generation, *choice, "deadline");
  }
  return !late.empty();
}

}  // namespace serval::llm
