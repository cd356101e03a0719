// A model's weights, repacked for this machine's kernels.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/aligned_memory.h"
#include "common/thread_pool.h"
#include "kernels/pack.h"
#include "plugins/llm/coarse_head.h"
#include "plugins/llm/pack_writer.h"
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

struct LatentWeights {
  Linear q_a;                        // [q_rank, hidden]; without a q_rank there is q_b only
  const float* q_a_norm = nullptr;   // [q_rank]
  Linear q_b;                        // [heads * head_dim, q_rank or hidden]
  Linear kv_a;                       // [kv_rank + rotary_dim, hidden]
  const float* kv_a_norm = nullptr;  // [kv_rank]
  std::vector<PackedMatrix> k_b;     // one a head: [kv_rank, key_dim], query to absorbed query
  std::vector<PackedMatrix> v_b;     // one a head: [value_dim, kv_rank]
  Linear o;                          // [hidden, heads * value_dim]
};

struct FeedForwardWeights {
  Linear gate, up, down;
};

struct ExpertWeights {
  Linear router;                             // [experts, hidden]
  const float* choice_bias = nullptr;        // [experts] or null
  std::vector<PackedMatrix> gate, up, down;  // one an expert
  FeedForwardWeights shared;
};

// A layer has those parts its shape asks for.
struct LayerWeights {
  const float* attention_norm = nullptr;          // [hidden]
  const float* post_attention_norm = nullptr;     // [hidden] or null
  const float* feed_forward_norm = nullptr;       // [hidden]
  const float* post_feed_forward_norm = nullptr;  // [hidden] or null
  AttentionWeights attention;
  LatentWeights latent;
  FeedForwardWeights feed_forward;
  ExpertWeights experts;
};

struct Weights {
  AlignedMemory memory;      // everything below points into it,
  PackFile mapped;           // or into this
  PackedMatrix embedding;    // [vocab, hidden]
  PackedMatrix head;         // [vocab, hidden]; the embedding itself when they are tied
  CoarseHead coarse_head;    // of a head in 8 bits
  const float* output_norm;  // [hidden]
  std::vector<LayerWeights> layers;
  PackWriter writer;  // reads `memory`, so it must be destroyed before it
};

// Per mille done; false: stop loading.
using LoadProgress = std::function<bool(int per_mille)>;

// Bytes load_weights will allocate or map.
// Errors: what is missing or has a wrong shape or an unknown type, by tensor name.
Result<std::size_t> weights_bytes(const GgufFile& file, const ModelShape& shape);

// Repacks with all threads of the pool, or maps what an earlier load has left in `cache`. What was
// repacked is stored there in the background. Trouble with the cache is noted, not an error: the
// weights are then in memory.
// Errors: as weights_bytes; cancelled; resource_exhausted.
Result<Weights> load_weights(const GgufFile& file, const ModelShape& shape, ThreadPool& pool,
                             const LoadProgress& progress, std::optional<PackCache> cache = {},
                             const LoadNote& note = {});

}  // namespace serval::llm
