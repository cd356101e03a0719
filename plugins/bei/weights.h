// A model's weights, packed for this machine's kernels.
#pragma once

#include <functional>
#include <vector>

#include "common/aligned_memory.h"
#include "common/thread_pool.h"
#include "kernels/ops.h"
#include "plugins/bei/architecture.h"
#include "plugins/bei/hf/sentence_modules.h"
#include "plugins/bei/hf/tensor_table.h"

namespace serval::bei {

struct Linear {
  DenseWeights w;               // no data: there is none
  const float* bias = nullptr;  // [n] or null
  explicit operator bool() const { return w.data != nullptr; }
};

struct Norm {
  const float* gamma = nullptr;  // [hidden]; null: there is none
  const float* beta = nullptr;   // [hidden] or null
};

struct LayerWeights {
  Norm attention_norm, feed_forward_norm;
  Linear qkv, attention_out, feed_in, feed_out;
  const float* q_norm = nullptr;  // [head_dim] or null
  const float* k_norm = nullptr;
};

struct HeadWeights {
  Linear dense;
  Activation activation = Activation::none;
  Norm norm;
  Linear classifier;
};

// Rows of numbers as the file has them.
struct WordTable {
  const std::byte* data = nullptr;
  WeightType type = WeightType::f32;
};

struct Weights {
  AlignedMemory memory;              // everything below points into it
  WordTable words;                   // [vocab, hidden]
  const float* positions = nullptr;  // [position_offset + max_positions, hidden]
  const float* types = nullptr;      // [token_types, hidden]
  // Added to the score of a query and the key j - i tokens behind it: [heads, 2 max - 1] by
  // max - 1 + j - i, max the longest input. Null: nothing is.
  const float* relative_bias = nullptr;
  Norm embedding_norm, final_norm;
  std::vector<LayerWeights> layers;
  HeadWeights head;
  HeadWeights masked_words;
  std::vector<Linear> dense_modules;          // behind the pooling,
  std::vector<Activation> dense_activations;  // and what follows each
};

// Per mille done; false: stop loading.
using LoadProgress = std::function<bool(int per_mille)>;

// The bytes load_weights will allocate. max_tokens: the longest input.
// Errors: what is missing or has a wrong shape or an unknown type, by tensor name.
Result<std::size_t> weights_bytes(TensorTable& tensors, const ModelDescription& model,
                                  const SentenceModules& modules, DenseType type, int max_tokens);

// type: of the encoder's products. Those of the heads are in f32, but that of the words is in bf16
// where the encoder's are in less than f32.
// Errors: as weights_bytes; cancelled; resource_exhausted.
Result<Weights> load_weights(TensorTable& tensors, const ModelDescription& model,
                             const SentenceModules& modules, DenseType type, int max_tokens,
                             const Ops& ops, ThreadPool& pool, const LoadProgress& progress);

}  // namespace serval::bei
