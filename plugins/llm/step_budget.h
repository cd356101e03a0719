// How many prompt tokens may join the streams that run in one step.
//
// A stream gets one token a step, so a step's length is the time between its tokens. While streams
// run a step may take `factor` times what they would take alone; prompts get the largest chunk that
// the cost model lets into that, and never less than a token, so that they always get on.
// Made anew for each step; pure bookkeeping.
#pragma once

#include "plugins/llm/cost_model.h"

namespace serval::llm {

class StepBudget {
 public:
  // A prompt's chunk where the time allows less. Where a token of a deep prompt costs nearly as
  // much as a stream's whole step, already two would break the streams' pace.
  static constexpr int kLeastChunk = 1;

  // decode: what the streams compute in this step; without any, or without a cost model (nullptr),
  // the time is not limited.
  StepBudget(const CostModel* cost, double factor, const StepShape& decode);

  // The largest chunk of a prompt at `position` that fits beside what is in the step; 0 to most.
  int chunk(int position, int most) const;
  void add(int position, int count) { shape_.add(position, count); }

  // Time to compute `count` tokens from `position` on, at most `most` a step, in steps as this one.
  // REQUIRES: a cost model.
  double time_ns(int position, int count, int most) const;

 private:
  const CostModel* cost_;
  StepShape shape_;
  double limit_ns_;  // below 0: none
};

}  // namespace serval::llm
