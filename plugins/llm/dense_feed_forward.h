// The gated feed-forward of a layer (Shazeer 2020): down(act(gate(x)) * up(x)).
#pragma once

#include "plugins/llm/step.h"

namespace serval::llm {

class DenseFeedForward {
 public:
  DenseFeedForward(const ModelShape& shape, int max_tokens);
  static std::size_t bytes(const ModelShape& shape, int max_tokens);

  // Adds its result to step.x. norm: of x before the part; null: step.normed and step.quantised
  // hold the normalised x already. They hold it afterwards too when there is no norm behind the
  // part.
  void run(const FeedForwardWeights& weights, const float* norm, const float* post_norm,
           Step& step);

 private:
  std::vector<float> gate_, up_;      // [T, feed_forward, or the width of the shared experts]
  std::vector<std::byte> quantised_;  // of gate_
};

// Rows [begin, end) of gate = activation(gate) * up, both [rows, width].
void gate_rows(const Step& step, float* gate, const float* up, int begin, int end, int width);

}  // namespace serval::llm
