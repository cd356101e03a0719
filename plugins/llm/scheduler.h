// Continuous batching at token level: which tokens of which sequences the next step computes.
//
// Pure bookkeeping: no clock, no I/O, no tensors. Decode and prefill are the same thing: a sequence
// has tokens to do, and a step hands out a budget of tokens, oldest sequence first. A long prompt
// is cut into chunks by what the budget leaves; sequences in decode ask for one token and are
// served first.
//
// When the cache is full a sequence is preempted, a parked one first and else the youngest: it lets
// go of its blocks and goes back to the front of the line; those that others have taken when it
// comes in again are computed again. The oldest always gets on, so all do.
//
// A sequence whose next tokens an older one is about to compute waits for them (prefix_wait.h).
#pragma once

#include <deque>
#include <vector>

#include "plugins/llm/kv_cache.h"

namespace serval::llm {

struct SchedulerLimits {
  int sequences = 64;         // most in one step
  int tokens_per_step = 512;  // most tokens of one step, over all sequences
};

// `count` tokens of one sequence, starting at its `computed`.
struct PlanEntry {
  Sequence* sequence;
  int count;
};

class Scheduler {
 public:
  Scheduler(SchedulerLimits limits, KvCache& cache) : limits_(limits), cache_(cache) {}

  // A sequence joins the line. REQUIRES: it fits the cache when it is alone.
  void add(Sequence& sequence);
  // A sequence that has blocks already (a fork) joins those that run, or the line when there is no
  // place.
  void add_running(Sequence& sequence);
  // The sequence leaves, whatever it does; its blocks go back.
  void remove(Sequence& sequence);

  // What the next step computes; blocks for it are reserved. Empty when nothing can run.
  std::vector<PlanEntry> plan_step();
  // The last plan_step has left something on the disk that the first in line needs: plan again.
  bool reading() const { return reading_; }
  // The step has been computed. Tokens that were sampled are appended by the engine.
  void commit(const std::vector<PlanEntry>& plan);

  int running() const;  // without the parked ones
  int waiting() const { return int(waiting_.size()); }
  uint64_t preemptions() const { return preemptions_; }

 private:
  void enter(Sequence& sequence);
  void preempt(Sequence& victim);
  Sequence* youngest_parked() const;
  bool reserve_by_preempting(Sequence& sequence, int tokens, std::vector<PlanEntry>& plan);
  void admit(std::vector<PlanEntry>& plan, int room);

  SchedulerLimits limits_;
  KvCache& cache_;
  std::vector<Sequence*> running_;  // oldest first
  std::deque<Sequence*> waiting_;   // first come, first served
  uint64_t arrivals_ = 0;
  uint64_t preemptions_ = 0;
  bool reading_ = false;
};

}  // namespace serval::llm
