// The forward pass.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "plugins/llm/attention_part.h"
#include "plugins/llm/dense_feed_forward.h"
#include "plugins/llm/expert_feed_forward.h"
#include "plugins/llm/step.h"

namespace serval::llm {

// A pre-norm transformer as its shape describes it: embedding, layers of an attention part and a
// feed-forward part, output head. A token's logits are bitwise the same in any batch and at any
// chunking. Not thread-safe: the engine's thread only.
class Model {
 public:
  // Most rows logits() computes in one call.
  static constexpr int kLogitRows = 32;

  Model(ModelShape shape, Weights weights, const Ops& ops, ThreadPool& pool, int max_tokens,
        int max_context);
  Model(const Model&) = delete;  // the parts refer to the shape
  Model& operator=(const Model&) = delete;

  // Bytes the constructor allocates.
  static std::size_t workspace_bytes(const ModelShape& shape, int max_tokens, int max_context);

  const ModelShape& shape() const { return shape_; }

  // Computes all slices' tokens and writes their keys and values. At most max_tokens tokens.
  // Returns how many rows of logits are wanted; they are in the slices' order.
  int forward(std::span<const ModelSlice> slices, const KvMemory& kv);

  // Logits of wanted rows [first, first + count) of the last forward: [count, vocab], valid until
  // the next call. count is at most kLogitRows.
  const float* logits(int first, int count);

 private:
  void embed();

  ModelShape shape_;
  Weights weights_;
  Step step_;
  std::unique_ptr<AttentionPart> attention_;
  DenseFeedForward dense_;
  ExpertFeedForward experts_;
  std::vector<int> wanted_;      // rows of step_.x whose logits are wanted
  std::vector<float> wanted_x_;  // [kLogitRows, hidden]
  std::vector<float> logits_;    // [kLogitRows, vocab]
};

}  // namespace serval::llm
