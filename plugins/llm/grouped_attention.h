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
    int span = -1;               // only the keys of this one; -1: of all
    float* part = nullptr;       // where its sums go then
  };
  // A lone query whose keys are spread over the threads, span by span.
  struct Spread {
    int row, spans;
    const float* parts;  // [spans, heads, span_floats(head_dim)]
  };

  void turn(std::vector<float>& values, int heads, const float* norm, const float* table,
            const Step& step, int begin, int end);
  void write_kv(int layer, const Step& step, const KvMemory& kv, int begin, int end);
  void attend(int layer, Step& step, const KvMemory& kv);
  void plan(int layer, const Step& step, const KvMemory& kv);
  bool spread(const ModelSlice& slice, Job job, const Step& step, int window);

  std::vector<std::vector<float>> tables_;  // cos_sin of each of the shape's ropes
  std::vector<float> q_;                    // [T, heads * head_dim]; attention's output too
  std::vector<float> k_, v_;                // [T, kv_heads * head_dim]
  std::vector<const void*> blocks_;         // of all slices, one after the other
  std::vector<int> first_block_;            // of each slice
  std::vector<Job> jobs_;
  std::vector<Spread> spreads_;
  std::vector<float> parts_;  // of all spreads
  std::size_t parts_used_ = 0;
};

}  // namespace serval::llm
