// Multi-head latent attention (DeepSeek-AI 2024, "DeepSeek-V2", section 2.1): keys and values of
// all heads come from one small latent vector a token, and only that vector and one rotated key are
// cached. The projections from it to keys and values are absorbed into the query and the output, so
// they are applied to the tokens of the step and never to the cache.
#pragma once

#include <span>

#include "plugins/llm/attention_part.h"

namespace serval::llm {

class LatentAttention final : public AttentionPart {
 public:
  LatentAttention(const ModelShape& shape, int max_tokens, int max_context);
  // Without the working memory of the threads, which is some 200 KB each.
  static std::size_t bytes(const ModelShape& shape, int max_tokens, int max_context);

  void run(const LayerWeights& weights, int layer, Step& step, const KvMemory& kv) override;

 private:
  // Queries [begin, end) of a slice whose first row is `row`, for the heads of one group.
  struct Job {
    int slice, row, begin, end, head_begin, head_end;
  };
  struct alignas(64) CacheLine {
    std::byte bytes[64];
  };
  // One thread's: at most kItems pairs of a query and a head.
  struct Scratch {
    std::vector<float> q;              // [items, kv_rank + rotary_dim]
    std::vector<float> out;            // [items, kv_rank]
    std::vector<CacheLine> quantised;  // QuantizeRows::out of either, for one head
  };

  void project(const LatentWeights& weights, Step& step);
  void write_kv(const LatentWeights& weights, int layer, Step& step, const KvMemory& kv);
  void attend(const LatentWeights& weights, int layer, Step& step, const KvMemory& kv);
  void plan_jobs(int layer, const Step& step, const KvMemory& kv);
  void run_job(const LatentWeights& weights, const Job& job, const Step& step, KvType type,
               Scratch& scratch);

  std::vector<float> table_;         // cos_sin
  std::vector<float> low_;           // [T, q_rank]
  std::vector<float> q_;             // [T, heads, head_dim]: unrotated part, then rotated
  std::vector<float> kv_;            // [T, kv_rank + rotary_dim]
  std::vector<float> values_;        // [T, heads, value_dim]
  std::vector<const void*> blocks_;  // of all slices, one after the other
  std::vector<int> first_block_;     // of each slice
  std::vector<Job> jobs_;
  std::vector<Scratch> scratch_;  // one a thread
};

}  // namespace serval::llm
