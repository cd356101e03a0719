// Continuous batching at token level: which tokens of which sequences the next step computes.
//
// Pure bookkeeping: no clock, no I/O, no tensors. Decode and prefill are the same thing: a sequence
// has tokens to do, and a step hands out a budget of tokens, in the order of order.h. Sequences in
// decode ask for one token and are served first; a long prompt is cut into chunks by the tokens and
// the time (step_budget.h) that they leave.
//
// When the cache is full a sequence is preempted, a parked one first and else the last in order: it
// lets go of its blocks and goes back to its place in the line; those that others have taken when
// it comes in again are computed again. The first in order always gets on, so all do.
//
// A sequence whose next tokens another one before it in order is about to compute waits for them
// (prefix_wait.h). As everybody waits only for those before it, the first in order waits for
// nobody.
#pragma once

#include <deque>
#include <vector>

#include "plugins/llm/cost_model.h"
#include "plugins/llm/kv_cache.h"
#include "plugins/llm/step_budget.h"

namespace serval::llm {

struct SchedulerLimits {
  int sequences = 64;         // most in one step
  int tokens_per_step = 512;  // most tokens of one step, over all sequences
  double itl_factor = 1.8;    // how much longer prompts may make the steps of running streams
};

// `count` tokens of one sequence, starting at its `computed`.
struct PlanEntry {
  Sequence* sequence;
  int count;
};

class Scheduler {
 public:
  // cost: bounds the time of steps; nullptr: only their tokens are bounded.
  Scheduler(SchedulerLimits limits, KvCache& cache, const CostModel* cost = nullptr)
      : limits_(limits), cache_(cache), cost_(cost) {}

  // A sequence joins the line. REQUIRES: it fits the cache when it is alone.
  void add(Sequence& sequence);
  // A sequence that has blocks already (a fork) joins those that run, or the line when there is no
  // place.
  void add_running(Sequence& sequence);
  // The sequence leaves, whatever it does; its blocks go back.
  void remove(Sequence& sequence);

  // What the next step computes; blocks for it are reserved. Empty when nothing can run. now_ns is
  // for deadlines only.
  std::vector<PlanEntry> plan_step(uint64_t now_ns = 0);
  // The last plan_step has left something on the disk that a sequence in line needs: plan again.
  bool reading() const { return reading_; }
  // The step has been computed. Tokens that were sampled are appended by the engine.
  void commit(const std::vector<PlanEntry>& plan);

  int running() const;  // without the parked ones
  int waiting() const { return int(waiting_.size()); }
  uint64_t preemptions() const { return preemptions_; }

 private:
  // A step in the making.
  struct Step {
    std::vector<PlanEntry> plan;
    int room;  // tokens
    StepBudget budget;
    Sequence* urgent = nullptr;  // the prompt that goes first, whatever the order
    bool has_prompt = false;
    bool short_of_blocks = false;  // a running sequence has taken another's

    // Of `todo` tokens of a prompt from `position` on, those that it has room and time for.
    int chunk(int position, int todo) const;
    void add(Sequence& sequence, int count);
    void add_prompt(Sequence& sequence, int count);
    void drop(const Sequence& sequence);
    bool has(const Sequence& sequence) const;
  };

  void enter(Sequence& sequence);
  void preempt(Sequence& victim);
  Sequence* last_parked() const;
  bool reserve_by_preempting(Sequence& sequence, int tokens, Step& step);
  Sequence* last_yielding(const Sequence& sequence) const;
  bool make_room(const Sequence& sequence, Step& step);
  void plan_decode(const std::vector<Sequence*>& order, Step& step);
  void plan_prompts(const std::vector<Sequence*>& order, Step& step);
  void admit_before(const Sequence* next, Step& step);
  bool admit(Sequence& sequence, Step& step);
  bool open(const Step& step) const;
  double pace(int streams) const;
  Sequence* urgent(const Step& step, uint64_t now_ns) const;

  SchedulerLimits limits_;
  KvCache& cache_;
  const CostModel* cost_;
  std::vector<Sequence*> running_;  // first in order first
  std::deque<Sequence*> waiting_;   // likewise
  uint64_t arrivals_ = 0;
  uint64_t preemptions_ = 0;
  bool reading_ = false;
};

}  // namespace serval::llm
