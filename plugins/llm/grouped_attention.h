// Grouped-query attention (Ainslie et al. 2023), over all tokens before or over a window of them.
#pragma once

#include "plugins/llm/attention_part.h"

namespace serval::llm {

class GroupedAttention final : public AttentionPart {
 public:
  GroupedAttention(const ModelShape& shape, int max_tokens, int max_context);
  static std::size_t bytes(const ModelShape& shape, int max_tokens, int max_context);

  void run(const LayerWeights& weights, int layer, Step& step, const KvMemory& kv) override;

 private:
  struct Job {
    int slice, row, begin, end;  // queries [begin, end) of the slice, whose first row is `row`
  };

  void write_kv(const AttentionWeights& weights, int layer, Step& step, const KvMemory& kv);
  void attend(int layer, Step& step, const KvMemory& kv);

  std::vector<std::vector<float>> tables_;  // cos_sin of each of the shape's ropes
  std::vector<float> q_;                    // [T, heads * head_dim]; attention's output too
  std::vector<float> k_, v_;                // [T, kv_heads * head_dim]
  std::vector<const void*> blocks_;         // of all slices, one after the other
  std::vector<int> first_block_;            // of each slice
  std::vector<Job> jobs_;
};

}  // namespace serval::llm
