// A machine for tests of scheduling: how long a step takes on it, and its clock. Its law is not the
// cost model's form, so that the model has something to learn.
#pragma once

#include <algorithm>

#include "plugins/llm/cost_model.h"

namespace serval::llm {

struct VirtualMachine {
  double weights_ns = 3.0e6;  // reading the weights once
  double token_ns = 0.45e6;   // the arithmetic of one token
  double read_ns = 600;       // reading one key and value
  double pair_ns = 120;       // one token and one key

  double step_ns(const StepShape& shape) const {
    return std::max(weights_ns, 0.4e6 + token_ns * shape.tokens) +
           std::max(read_ns * double(shape.reads), pair_ns * double(shape.pairs)) + 50e3;
  }
};

}  // namespace serval::llm
