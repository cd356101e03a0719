// The gated feed-forward of a layer (Shazeer 2020): down(act(gate(x)) * up(x)).
#pragma once

#include "plugins/llm/step.h"

namespace serval::llm {

class DenseFeedForward {
 public:
  DenseFeedForward(const ModelShape& shape, int max_tokens);
  static std::size_t bytes(const ModelShape& shape, int max_tokens);

  // Adds its result to step.x; step.normed and step.quantised hold the normalised x and are free
  // afterwards.
  void run(const LayerWeights& weights, Step& step);

 private:
  std::vector<float> gate_, up_;  // [T, feed_forward]
};

// rows of y = activation(gate) * up, spread over the threads. All are [rows, width] and y may be
// gate or up.
void gate_rows(Step& step, const float* gate, const float* up, float* y, int rows, int width);

}  // namespace serval::llm
