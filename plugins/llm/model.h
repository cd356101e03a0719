// The forward pass.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "plugins/llm/attention_part.h"
#include "plugins/llm/dense_feed_forward.h"
#include "plugins/llm/expert_feed_forward.h"
#include "plugins/llm/language_model.h"
#include "plugins/llm/output_head.h"
#include "plugins/llm/step.h"

namespace serval::llm {

// A pre-norm transformer as its shape describes it: embedding, layers of an attention part and a
// feed-forward part, output head.
class Model final : public LanguageModel {
 public:
  Model(ModelShape shape, Weights weights, const Ops& ops, ThreadPool& pool, int max_tokens,
        int max_context);
  Model(const Model&) = delete;  // the parts refer to the shape
  Model& operator=(const Model&) = delete;

  // Bytes the constructor allocates.
  static std::size_t workspace_bytes(const ModelShape& shape, int max_tokens, int max_context);

  const ModelShape& shape() const { return shape_; }

  int vocab() const override { return shape_.vocab; }
  int forward(std::span<const ModelSlice> slices, const KvMemory& kv) override;
  const float* logits(int first, int count, LogitsFor use = LogitsFor::sampling) override;

 private:
  void embed();
  void read_ahead(int layer, const KvMemory& kv);

  ModelShape shape_;
  Weights weights_;
  Step step_;
  std::unique_ptr<AttentionPart> attention_;
  DenseFeedForward dense_;
  ExpertFeedForward experts_;
  OutputHead head_;
  std::vector<int> wanted_;         // rows of step_.x whose logits are wanted
  std::vector<const void*> ahead_;  // blocks the next layer reads
};

}  // namespace serval::llm
