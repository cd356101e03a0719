// A model's hyperparameters, read from a GGUF file and checked.
#pragma once

#include <string>
#include <vector>

#include "common/formats/gguf.h"
#include "plugins/llm/family.h"

namespace serval::llm {

struct ModelShape {
  Family family{};
  int layers = 0;
  int hidden = 0;  // width of the residual stream
  int heads = 0;
  int kv_heads = 0;
  int head_dim = 0;
  int feed_forward = 0;
  int vocab = 0;
  int context = 0;  // longest sequence the model was trained for, tokens
  float rms_epsilon = 0;
  double rope_base = 0;
  int rotary_dim = 0;
  std::vector<float> rope_factors;  // [rotary_dim / 2] or empty: divide the angles

  int q_width() const { return heads * head_dim; }
  int kv_width() const { return kv_heads * head_dim; }
};

// Errors: unimplemented for what this engine does not do (by name), invalid_argument for values
// that are missing or impossible.
Result<ModelShape> read_shape(const GgufFile& file);

}  // namespace serval::llm
