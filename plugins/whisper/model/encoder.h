// The encoder: mel frames to states, over items laid end to end, and to the keys and values that
// the decoder's cross-attention reads.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "common/aligned_memory.h"
#include "common/slot_pool.h"
#include "common/thread_pool.h"
#include "plugins/whisper/model/kv_blocks.h"
#include "plugins/whisper/model/weights.h"

namespace serval::whisper {

// Not thread-safe. An item's states are bitwise the same alone and in any batch: products treat
// each row by itself, and blocks and attention count from the item's own beginning.
class Encoder {
 public:
  struct Item {
    const float* mel;    // [2 * states, mels]
    int states;          // 1 to audio_states
    const KvTable* out;  // has its own blocks for so many positions
    float* hidden;       // [states, hidden]: the last hidden states, or null
  };

  // The references live as long as this. max_states: of all items of one run.
  static Result<Encoder> create(const SpeechShape& shape, const SpeechWeights& weights,
                                const ProductTypes& types, const Ops& ops, ThreadPool& pool,
                                int max_states);
  // What create allocates.
  static std::size_t workspace_bytes(const SpeechShape& shape, const ProductTypes& types,
                                     int threads, int max_states);

  void run(std::span<const Item> items, KvType kv);

 private:
  // Rows of one item that one thread takes through a phase. They begin at a multiple of
  // kKvBlockTokens.
  struct Block {
    const Item* item;
    int row;           // of the first one, among those of all items
    int begin, count;  // states of the item
  };
  struct Sizes {  // bytes; of rows: of one prepared row
    std::size_t mel_row, frame_row, hidden_row, inner_row;
    std::size_t states, qkv, slot;
  };
  // One thread's room for a block of rows, and for attention.
  struct Slot {
    float* mel;             // [2 rows + 3, mels]
    std::byte* mel_rows;    // [2 rows + 1] prepared: three frames each
    std::byte* frames;      // [2 rows + 1, hidden] bf16 or f32: what the first convolution gives
    std::byte* prepared;    // [rows] of hidden states
    float* out;             // [rows, hidden]
    float* inner;           // [rows, feed-forward], and [rows, 2 hidden]
    std::byte* inner_rows;  // [rows] prepared
    std::byte* scratch;     // of attention
  };

  static constexpr int kRows = 64;  // most of a block
  static Sizes sizes(const SpeechShape& shape, const ProductTypes& types, int max_states);

  Encoder(const SpeechShape& shape, const SpeechWeights& weights, const ProductTypes& types,
          const Ops& ops, ThreadPool& pool, int max_states, AlignedMemory memory);

  void cut(std::span<const Item> items);
  template <class Body>
  void each_block(Body&& body);
  void convolutions(const Block& block, Slot& slot);
  void norm(const Norm& norm, const Block& block, const float* add, float* y, Slot& slot);
  void qkv(std::size_t layer, const Block& block, Slot& slot);
  void attention(std::span<const Item> items);
  void rest(std::size_t layer, const Block& block, Slot& slot);
  void cross(const Block& block, KvType kv, Slot& slot);
  void product(const Linear& linear, const std::byte* x, std::size_t x_stride, int rows, float* y,
               int64_t y_stride) const;
  float* states(int row) const { return states_ + int64_t(row) * shape_.hidden; }

  const SpeechShape& shape_;
  const SpeechWeights& w_;
  DenseType type_, conv_type_;
  const Ops& ops_;
  ThreadPool& pool_;
  Sizes sizes_;
  AlignedMemory memory_;
  float* states_;  // [S, hidden]
  float* qkv_;     // [S, 3 hidden]; attention writes its output over the queries
  std::vector<Block> blocks_;
  std::vector<int> item_rows_;  // the first row of each item
  SlotPool<Slot> slots_;
};

}  // namespace serval::whisper
