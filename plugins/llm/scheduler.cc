#include "plugins/llm/scheduler.h"

#include <algorithm>

#include "plugins/llm/prefix_wait.h"

namespace serval::llm {

void Scheduler::add(Sequence& sequence) {
  sequence.arrival = ++arrivals_;
  waiting_.push_back(&sequence);
}

int Scheduler::running() const {
  return int(std::count_if(running_.begin(), running_.end(), [](auto* s) { return !s->parked; }));
}

void Scheduler::enter(Sequence& sequence) {
  sequence.running = true;
  const auto older = [](const Sequence* a, const Sequence* b) { return a->arrival < b->arrival; };
  running_.insert(std::upper_bound(running_.begin(), running_.end(), &sequence, older), &sequence);
}

void Scheduler::add_running(Sequence& sequence) {
  if (running() >= limits_.sequences) {
    cache_.release(sequence);
    return add(sequence);
  }
  sequence.arrival = ++arrivals_;
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
  waiting_.push_front(&victim);
  ++preemptions_;
}

Sequence* Scheduler::youngest_parked() const {
  const auto found =
      std::find_if(running_.rbegin(), running_.rend(), [](auto* s) { return s->parked; });
  return found == running_.rend() ? nullptr : *found;
}

// Preempts others until `sequence` has its blocks; false when it had to give way itself.
bool Scheduler::reserve_by_preempting(Sequence& sequence, int tokens,
                                      std::vector<PlanEntry>& plan) {
  while (!cache_.reserve(sequence, tokens)) {
    Sequence* victim = youngest_parked();
    if (victim == nullptr) victim = running_.back();
    preempt(*victim);
    std::erase_if(plan, [&](const PlanEntry& entry) { return entry.sequence == victim; });
    if (victim == &sequence) return false;
  }
  return true;
}

std::vector<PlanEntry> Scheduler::plan_step() {
  std::vector<PlanEntry> plan;
  cache_.begin_step();
  reading_ = false;
  int room = limits_.tokens_per_step;
  const uint64_t preempted_before = preemptions_;
  const std::vector<Sequence*> order = running_;  // preemption changes running_

  // Decode first: one token each, so a long prompt never stops the streams that run.
  for (const bool prompts : {false, true}) {
    for (Sequence* sequence : order) {
      if (room == 0) break;
      if (!sequence->running || sequence->parked || sequence->todo() <= 0) continue;
      if ((sequence->todo() > 1) != prompts) continue;
      const int count = std::min(room, sequence->todo());
      if (!reserve_by_preempting(*sequence, sequence->computed + count, plan)) continue;
      plan.push_back({sequence, count});
      room -= count;
    }
  }
  // Who has just lost its blocks would only take them back from those that run.
  if (preemptions_ == preempted_before) admit(plan, room);
  return plan;
}

// First come, first served: nobody overtakes, but a sequence that is parked or waits for another
// one's tokens does not hold up the line. A sequence enters with the blocks for all its tokens, so
// that several prompts cannot each get half of the cache.
void Scheduler::admit(std::vector<PlanEntry>& plan, int room) {
  const auto runnable = [this](const Sequence* s) {
    return !s->parked && !should_wait(*s, running_, cache_);
  };
  while (room > 0 && running() < limits_.sequences) {
    const auto next = std::find_if(waiting_.begin(), waiting_.end(), runnable);
    if (next == waiting_.end()) return;
    Sequence& sequence = **next;
    reading_ = cache_.bring_back(sequence);
    if (reading_) return;
    if (!cache_.admit(sequence, room)) {
      Sequence* parked = youngest_parked();
      if (parked == nullptr) return;
      preempt(*parked);
      continue;
    }
    waiting_.erase(next);
    enter(sequence);
    const int count = std::min(room, sequence.todo());
    plan.push_back({&sequence, count});
    room -= count;
  }
}

void Scheduler::commit(const std::vector<PlanEntry>& plan) {
  for (const PlanEntry& entry : plan) {
    entry.sequence->computed += entry.count;
    cache_.publish(*entry.sequence);
  }
}

}  // namespace serval::llm
