// The part of a layer that mixes tokens. Each kind of attention is one implementation; what it
// keeps in a block of the cache is kv_layer_bytes' (kv_memory.h) and its own business.
#pragma once

#include <memory>

#include "plugins/llm/kv_memory.h"
#include "plugins/llm/step.h"

namespace serval::llm {

class AttentionPart {
 public:
  virtual ~AttentionPart() = default;

  // One layer over the step's tokens, from the norm before it: writes their keys and values to the
  // cache, adds its result to step.x. Uses step.normed and step.quantised.
  virtual void run(const LayerWeights& weights, int layer, Step& step, const KvMemory& kv) = 0;
};

// The kind the shape asks for. max_tokens: of one step; max_context: of one sequence.
std::unique_ptr<AttentionPart> make_attention(const ModelShape& shape, int max_tokens,
                                              int max_context);
// Bytes make_attention allocates.
std::size_t attention_bytes(const ModelShape& shape, int max_tokens, int max_context);

}  // namespace serval::llm
