// The forward pass.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "plugins/llm/compute.h"
#include "plugins/llm/kv_memory.h"
#include "plugins/llm/weights.h"

namespace serval::llm {

// Consecutive tokens of one sequence in one step.
struct ModelSlice {
  const int32_t* tokens;  // [count], each in 0..vocab-1
  int count;
  int position;                 // of tokens[0]; what is before it is in the cache
  std::span<const int> blocks;  // cover position + count tokens
  int logits_from;              // first of the tokens whose logits are wanted: 0..count
};

// Pre-norm transformer with grouped-query attention and a gated feed-forward, as Touvron et al.
// 2023 (LLaMA) and the Qwen2 report describe them. A token's logits are bitwise the same in any
// batch and at any chunking. Not thread-safe: the engine's thread only.
class Model {
 public:
  // Most rows logits() computes in one call.
  static constexpr int kLogitRows = 32;

  Model(ModelShape shape, Weights weights, const Ops& ops, ThreadPool& pool, int max_tokens,
        int max_context);

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
  void embed(std::span<const ModelSlice> slices);
  void attention(const LayerWeights& layer, int index, std::span<const ModelSlice> slices,
                 const KvMemory& kv);
  void feed_forward(const LayerWeights& layer);
  void write_kv(int index, std::span<const ModelSlice> slices, const KvMemory& kv);
  void attend(int index, std::span<const ModelSlice> slices, const KvMemory& kv);
  void normalise(const float* weight);
  void quantise(const float* x, int64_t cols);
  MatMul product(const Linear& linear, const float* x, float* y) const;

  ModelShape shape_;
  Weights weights_;
  Compute compute_;
  std::vector<float> rope_;  // [max_context, 2, rotary_dim / 2]

  // Activations of one step; T = tokens of the step.
  int tokens_ = 0;
  std::vector<int32_t> positions_;    // [T]
  std::vector<float> x_;              // [T, hidden] residual stream
  std::vector<float> normed_;         // [T, hidden]
  std::vector<float> q_;              // [T, heads * head_dim]; attention's output too
  std::vector<float> k_, v_;          // [T, kv_heads * head_dim]
  std::vector<float> gate_, up_;      // [T, feed_forward]
  std::vector<int> wanted_;           // rows of x_ whose logits are wanted
  std::vector<float> wanted_x_;       // [kLogitRows, hidden]
  std::vector<float> logits_;         // [kLogitRows, vocab]
  std::vector<std::byte> quantised_;  // QuantizeRows of one of the above
  std::vector<const void*> block_pointers_;
  std::vector<int> block_offsets_;
};

}  // namespace serval::llm
