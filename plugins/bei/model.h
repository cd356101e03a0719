// A model as the engine sees it: texts in, vectors out. encoder_model.h is the real one.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace serval::bei {

// What is wanted of a text.
enum class Want : uint8_t {
  pooled,         // [width]: the text's vector as the model's modules make it, not normalised
  states,         // [tokens, hidden]: the last hidden states
  sparse,         // index, value, index, value, ... of what is not 0; over the vocabulary
  classes,        // [labels]: logits of the text
  token_classes,  // [tokens, labels]: logits of each token
};

// One text, or a pair, of a forward pass.
struct BatchItem {
  std::span<const int32_t> tokens;  // not empty; each below the vocabulary's size
  std::span<const uint8_t> types;   // [tokens]; empty: all 0
  Want want = Want::pooled;
  std::vector<float>* out = nullptr;
};

// Not thread-safe: one thread owns it.
class Model {
 public:
  virtual ~Model() = default;
  // One forward pass over the items laid end to end. An item's result does not depend on the
  // others. REQUIRES: as many tokens as the model was made for.
  virtual void run(std::span<const BatchItem> items) = 0;
};

}  // namespace serval::bei
