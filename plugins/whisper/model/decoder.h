// The decoder: tokens of any mix of hypotheses to logits.
#pragma once

#include <span>
#include <vector>

#include "common/aligned_memory.h"
#include "plugins/whisper/model/memory.h"
#include "plugins/whisper/model/phases.h"
#include "plugins/whisper/model/weights.h"

namespace serval::whisper {

// The next tokens of one hypothesis.
struct DecodeItem {
  std::span<const int32_t> tokens;
  SelfMemory* self;          // grows by the tokens; no two items' may be the same
  const CrossMemory* cross;  // several items may share it
  float* logits = nullptr;   // [vocab] of the last token, or null
  // Where the model looks: [alignment heads, tokens, cross states], the softmax weights of the
  // heads that SpeechConfig names; or null.
  float* alignment = nullptr;
  float* all_logits = nullptr;  // [tokens, vocab] of every token, or null
};

// Not thread-safe. An item's results are bitwise the same alone and in any mix, and however its
// tokens are cut into calls.
class Decoder {
 public:
  // The references live as long as this. max_rows: tokens of all items of one run.
  static Result<Decoder> create(const SpeechShape& shape, const SpeechConfig& config,
                                const SpeechWeights& weights, DenseType type, const Ops& ops,
                                ThreadPool& pool, KvBlocks& blocks, int max_rows);
  // What create allocates.
  static std::size_t workspace_bytes(const SpeechShape& shape, DenseType type, int max_rows);

  // Errors: invalid_argument for more rows than max_rows, an item without tokens or memory, or a
  // token that is not of the vocabulary; out_of_range past the model's text positions;
  // resource_exhausted if there are no blocks left. Nothing has happened then but that some
  // hypotheses may hold blocks that they do not use yet.
  Status run(std::span<const DecodeItem> items);

 private:
  struct Row {
    int item, token, position;
  };
  // Rows of items that share their cross-attention memory: order_[first, first + count).
  struct Group {
    const CrossMemory* cross;
    int first, count;
  };
  struct Sizes {
    std::size_t hidden_row, inner_row;  // bytes of a prepared row
    std::size_t total;
  };
  static Sizes sizes(const SpeechShape& shape, DenseType type, int max_rows);
  static constexpr int kLogitRows = 16;  // of one product with the vocabulary

  Decoder(const SpeechShape& shape, const SpeechConfig& config, const SpeechWeights& weights,
          DenseType type, const Ops& ops, ThreadPool& pool, KvBlocks& blocks, int max_rows,
          AlignedMemory memory);

  Status begin(std::span<const DecodeItem> items);
  void group();
  void embed();
  void norm(const Norm& norm);
  void self_attention(std::size_t layer);
  void cross_attention(std::size_t layer);
  void alignment(std::size_t layer, const Group& group);
  void feed_forward(const DecoderLayer& w);
  void logits();
  std::span<float> peaks(int logit_row);
  Dense dense(const Linear& linear, const std::byte* x, std::size_t x_stride) const;
  void add_product(const Linear& linear, const float* from);
  int rows() const { return int(rows_.size()); }
  float* x(int row) const { return x_ + int64_t(row) * shape_.hidden; }

  const SpeechShape& shape_;
  const SpeechConfig& config_;
  const SpeechWeights& w_;
  DenseType type_;
  Phases phases_;
  KvBlocks& blocks_;
  int max_rows_;
  Sizes sizes_;
  AlignedMemory memory_;
  float* x_;               // [R, hidden] residual stream
  float* qkv_;             // [R, 3 hidden]
  float* grouped_;         // [R, hidden] queries of cross-attention: by group, head and row
  float* attended_;        // [R, hidden]
  float* inner_;           // [R, feed-forward]
  float* logits_;          // [kLogitRows, vocab]
  float* peaks_;           // [kLogitRows, panels of the vocabulary], see exact_logits.h
  std::byte* prepared_;    // [R] of hidden states
  std::byte* inner_rows_;  // [R] prepared
  std::span<const DecodeItem> items_;  // of the run under way, as all below
  std::vector<Row> rows_;
  std::vector<int> item_rows_;  // the first row of each item
  std::vector<int> order_;      // rows by group
  std::vector<Group> groups_;
};

}  // namespace serval::whisper
