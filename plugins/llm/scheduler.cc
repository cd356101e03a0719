#include "plugins/llm/scheduler.h"

#include <algorithm>
#include <climits>

#include "plugins/llm/prefix_wait.h"

namespace serval::llm {
namespace {

// However many prompts wait, and however much a deadline presses: steps become at most so much
// longer than streams alone would make them. (A larger itl_factor stands.)
constexpr double kMostFactor = 8;
// A deadline presses when this many times the predicted time no longer fits.
constexpr double kUrgentMargin = 1.2;

// A list in order stays so.
template <class List>
void insert_in_order(List& list, Sequence& sequence) {
  const auto first = [](const Sequence* a, const Sequence* b) { return before(a->rank, b->rank); };
  list.insert(std::upper_bound(list.begin(), list.end(), &sequence, first), &sequence);
}

}  // namespace

void Scheduler::add(Sequence& sequence) {
  sequence.rank.number = ++arrivals_;
  insert_in_order(waiting_, sequence);
}

int Scheduler::running() const {
  return int(std::count_if(running_.begin(), running_.end(), [](auto* s) { return !s->parked; }));
}

void Scheduler::enter(Sequence& sequence) {
  sequence.running = true;
  insert_in_order(running_, sequence);
}

void Scheduler::add_running(Sequence& sequence) {
  if (running() >= limits_.sequences) {
    cache_.release(sequence);
    return add(sequence);
  }
  sequence.rank.number = ++arrivals_;
  enter(sequence);
}

void Scheduler::remove(Sequence& sequence) {
  std::erase(running_, &sequence);
  std::erase(waiting_, &sequence);
  sequence.running = false;
  cache_.release(sequence);
}

void Scheduler::preempt(Sequence& victim) {
  std::erase(running_, &victim);
  victim.running = false;
  cache_.release(victim);
  insert_in_order(waiting_, victim);
  ++preemptions_;
}

Sequence* Scheduler::last_parked() const {
  const auto found =
      std::find_if(running_.rbegin(), running_.rend(), [](auto* s) { return s->parked; });
  return found == running_.rend() ? nullptr : *found;
}

// Preempts others until `sequence` has its blocks; false when it had to give way itself.
bool Scheduler::reserve_by_preempting(Sequence& sequence, int tokens, Step& step) {
  while (!cache_.reserve(sequence, tokens)) {
    step.short_of_blocks = true;
    Sequence* victim = last_parked();
    if (victim == nullptr) victim = running_.back();
    preempt(*victim);
    step.drop(*victim);
    if (victim == &sequence) return false;
  }
  return true;
}

// The last in order of the running sequences of a lower priority, if what all of those have is
// enough for `sequence` to enter.
Sequence* Scheduler::last_yielding(const Sequence& sequence) const {
  std::vector<Sequence*> yielding;
  for (Sequence* s : running_)
    if (s->rank.priority > sequence.rank.priority && before(sequence.rank, s->rank))
      yielding.push_back(s);
  return !yielding.empty() && cache_.fits(sequence, yielding) ? yielding.back() : nullptr;
}

// Takes the blocks of parked sequences and of those that yield until `sequence` can enter. False:
// that is not enough, and none that yields has lost anything.
bool Scheduler::make_room(const Sequence& sequence, Step& step) {
  while (!cache_.fits(sequence)) {
    Sequence* victim = last_parked();
    if (victim == nullptr) victim = last_yielding(sequence);
    if (victim == nullptr) return false;
    preempt(*victim);
    step.drop(*victim);
  }
  return true;
}

int Scheduler::Step::chunk(int position, int todo) const {
  const int most = std::min(room, todo);
  const int count = budget.chunk(position, most);
  return has_prompt ? count : std::max(count, std::min(most, StepBudget::kLeastChunk));
}

void Scheduler::Step::add(Sequence& sequence, int count) {
  plan.push_back({&sequence, count});
  budget.add(sequence.computed, count);
  room -= count;
}

void Scheduler::Step::add_prompt(Sequence& sequence, int count) {
  add(sequence, count);
  has_prompt = true;
}

void Scheduler::Step::drop(const Sequence& sequence) {
  std::erase_if(plan, [&](const PlanEntry& entry) { return entry.sequence == &sequence; });
}

bool Scheduler::Step::has(const Sequence& sequence) const {
  return std::any_of(plan.begin(), plan.end(),
                     [&](const PlanEntry& entry) { return entry.sequence == &sequence; });
}

std::vector<PlanEntry> Scheduler::plan_step(uint64_t now_ns) {
  reading_ = false;
  Step step{{}, limits_.tokens_per_step, StepBudget(nullptr, 1, {})};
  const std::vector<Sequence*> order = running_;  // preemption changes running_
  plan_decode(order, step);
  StepShape decode;
  for (const PlanEntry& entry : step.plan) decode.add(entry.sequence->computed, entry.count);
  const double most = std::max(limits_.itl_factor, kMostFactor);
  const double factor = std::min(pace(decode.tokens), most);
  step.budget = StepBudget(cost_, factor, decode);
  step.urgent = urgent(step, now_ns);
  if (step.urgent != nullptr) step.budget = StepBudget(cost_, most, decode);
  plan_prompts(order, step);
  return std::move(step.plan);
}

// How much longer than alone the streams' steps may be. A prompt that waits counts as much as a
// stream that runs: when there are more of them, theirs is the larger share of the time.
double Scheduler::pace(int streams) const {
  const auto prompt = [](const Sequence* s) { return !s->parked && s->todo() > 1; };
  const auto prompts = std::count_if(running_.begin(), running_.end(), prompt) +
                       std::count_if(waiting_.begin(), waiting_.end(), prompt);
  return limits_.itl_factor * std::max(double(prompts) / std::max(streams, 1), 1.0);
}

// One token each, first of all: a long prompt never stops the streams that run.
void Scheduler::plan_decode(const std::vector<Sequence*>& order, Step& step) {
  for (Sequence* sequence : order) {
    if (step.room == 0) return;
    if (!sequence->running || sequence->parked || sequence->todo() != 1) continue;
    if (reserve_by_preempting(*sequence, sequence->size(), step)) step.add(*sequence, 1);
  }
}

// In order, those that run and those in line alike; but the urgent one before all.
void Scheduler::plan_prompts(const std::vector<Sequence*>& order, Step& step) {
  const auto give = [&](Sequence& sequence) {
    if (!sequence.running || sequence.parked || sequence.todo() <= 1 || step.has(sequence)) return;
    const int count = step.chunk(sequence.computed, sequence.todo());
    if (count == 0) return;
    if (reserve_by_preempting(sequence, sequence.computed + count, step))
      step.add_prompt(sequence, count);
  };
  if (step.urgent != nullptr && step.urgent->running) give(*step.urgent);
  if (step.urgent != nullptr && !step.urgent->running) admit(*step.urgent, step);
  for (Sequence* sequence : order) {
    if (sequence->todo() <= 1) continue;
    admit_before(sequence, step);
    give(*sequence);
  }
  admit_before(nullptr, step);
}

// The first prompt in order that must have more than its turn to meet its deadline. Nobody of a
// higher priority is made to wait for it. While it waits for another's tokens that one is it.
Sequence* Scheduler::urgent(const Step& step, uint64_t now_ns) const {
  if (cost_ == nullptr || step.room == 0) return nullptr;
  Sequence* found = nullptr;
  int most_important = INT_MAX;
  const auto late = [&](const Sequence& s, int computed) {
    const double needed = step.budget.time_ns(computed, s.size() - computed, step.room);
    return double(now_ns) + kUrgentMargin * needed > double(s.deadline_ns);
  };
  const auto look = [&](Sequence* s) {
    if (s->parked) return;
    most_important = std::min(most_important, s->rank.priority);
    if (s->todo() <= 1 || s->deadline_ns == 0 || !late(*s, s->computed)) return;
    if (!s->running && !late(*s, cache_.cached(*s))) return;
    if (found == nullptr || before(s->rank, found->rank)) found = s;
  };
  for (Sequence* s : running_) look(s);
  for (Sequence* s : waiting_) look(s);
  if (found == nullptr || found->rank.priority > most_important) return nullptr;
  Sequence* source = found->running ? nullptr : prefix_source(*found, running_, cache_);
  return source != nullptr ? source : found;
}

// Whether anybody may enter in this step.
bool Scheduler::open(const Step& step) const {
  // Who has just lost its blocks would only take them back from those that run, and what the disk
  // brings is for the one that it is read for.
  return !step.short_of_blocks && !reading_ && step.room > 0 && running() < limits_.sequences;
}

// Takes those out of the line that come before `next` (nullptr: all), in order: nobody overtakes,
// but a sequence that is parked or waits for another one's tokens does not hold up the line.
void Scheduler::admit_before(const Sequence* next, Step& step) {
  const auto first = [&]() -> Sequence* {
    for (Sequence* s : waiting_) {
      if (next != nullptr && !before(s->rank, next->rank)) return nullptr;
      if (!s->parked && prefix_source(*s, running_, cache_) == nullptr) return s;
    }
    return nullptr;
  };
  while (open(step)) {
    Sequence* sequence = first();
    if (sequence == nullptr || !admit(*sequence, step)) return;
  }
}

// A sequence enters with the blocks for all its tokens, so that several prompts cannot each get
// half of the cache. False: no room, time or memory for it, or the disk has more of it.
bool Scheduler::admit(Sequence& sequence, Step& step) {
  if (!open(step)) return false;
  const int found = cache_.cached(sequence);
  if (step.chunk(found, sequence.size() - found) == 0 || !make_room(sequence, step)) return false;
  reading_ = cache_.bring_back(sequence);
  if (reading_) return false;
  // Where layers have windows there may be too few slots for those (window_slots.h). Parked
  // sequences keep theirs for nothing; those that run let go of them in time.
  while (!cache_.admit(sequence, step.room)) {
    Sequence* parked = last_parked();
    if (parked == nullptr) return false;
    preempt(*parked);
  }
  std::erase(waiting_, &sequence);
  enter(sequence);
  // The disk and those that made room may have added to what was found: for what comes behind that
  // there may be no time.
  const int count = step.chunk(sequence.computed, sequence.todo());
  if (count > 0) step.add_prompt(sequence, count);
  return true;
}

void Scheduler::commit(const std::vector<PlanEntry>& plan) {
  for (const PlanEntry& entry : plan) {
    entry.sequence->computed += entry.count;
    cache_.publish(*entry.sequence);
  }
}

}  // namespace serval::llm
