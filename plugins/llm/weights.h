// A model's weights, repacked for this machine's kernels.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/aligned_memory.h"
#include "common/thread_pool.h"
#include "kernels/pack.h"
#include "plugins/llm/shape.h"

namespace serval::llm {

struct Linear {
  PackedMatrix w;               // [out, in]
  const float* bias = nullptr;  // [out] or null
};

struct AttentionWeights {
  Linear q, k, v, o;
  const float* q_norm = nullptr;  // [head_dim] or null
  const float* k_norm = nullptr;  // [head_dim] or null
};

struct FeedForwardWeights {
  Linear gate, up, down;
};

struct ExpertWeights {
  Linear router;                             // [experts, hidden]
  std::vector<PackedMatrix> gate, up, down;  // one an expert
};

// A layer has those parts its shape asks for.
struct LayerWeights {
  const float* attention_norm = nullptr;          // [hidden]
  const float* post_attention_norm = nullptr;     // [hidden] or null
  const float* feed_forward_norm = nullptr;       // [hidden]
  const float* post_feed_forward_norm = nullptr;  // [hidden] or null
  AttentionWeights attention;
  FeedForwardWeights feed_forward;
  ExpertWeights experts;
};

struct Weights {
  AlignedMemory memory;      // everything below points into it
  PackedMatrix embedding;    // [vocab, hidden]
  PackedMatrix head;         // [vocab, hidden]; the embedding itself when they are tied
  const float* output_norm;  // [hidden]
  std::vector<LayerWeights> layers;
};

// Per mille done; false: stop loading.
using LoadProgress = std::function<bool(int per_mille)>;

// Bytes load_weights will allocate.
// Errors: what is missing or has a wrong shape or an unknown type, by tensor name.
Result<std::size_t> weights_bytes(const GgufFile& file, const ModelShape& shape);

// Repacks with all threads of the pool. Errors: as weights_bytes; cancelled; resource_exhausted.
Result<Weights> load_weights(const GgufFile& file, const ModelShape& shape, ThreadPool& pool,
                             const LoadProgress& progress);

}  // namespace serval::llm
