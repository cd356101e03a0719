// The forward pass of an encoder over texts laid end to end.
#pragma once

#include <memory>
#include <vector>

#include "common/aligned_memory.h"
#include "common/slot_pool.h"
#include "common/thread_pool.h"
#include "plugins/bei/architecture.h"
#include "plugins/bei/packed_batch.h"
#include "plugins/bei/row_work.h"
#include "plugins/bei/weights.h"

namespace serval::bei {

// Not thread-safe. A token's state is bitwise the same alone and in any batch: products treat each
// row by itself, and attention counts from the text's own beginning.
class Encoder {
 public:
  // The references live as long as this. max_tokens: of one batch; longest: of one text.
  static Result<Encoder> create(const Architecture& architecture, const Weights& weights,
                                DenseType type, const Ops& ops, ThreadPool& pool, int max_tokens,
                                int longest);
  // What create allocates.
  static std::size_t workspace_bytes(const Architecture& architecture, DenseType type, int threads,
                                     int max_tokens, int longest);

  // The last hidden states [T, hidden], valid until the next run.
  const float* run(const PackedBatch& batch);

 private:
  struct Sizes {  // of the parts of memory, in bytes
    std::size_t states, qkv, slot;
    std::size_t hidden_rows, inner_rows, query_rows;  // prepared rows, one of each
    std::size_t total;
  };
  // Room for a block of rows, and for attention; one a thread.
  struct Slot {
    std::byte* prepared;   // [rows] prepared hidden states
    std::byte* attention;  // [rows] prepared outputs of attention
    float* out;            // [rows, hidden]
    float* inner;          // [rows, feed_forward]
    std::byte* inner_prepared;
    std::byte* scratch;  // of attention
  };

  static constexpr int kRows = 64;  // most of a block
  static Sizes sizes(const Architecture& a, DenseType type, int threads, int max_tokens,
                     int longest);

  Encoder(const Architecture& architecture, const Weights& weights, DenseType type, const Ops& ops,
          ThreadPool& pool, int max_tokens, int longest, AlignedMemory memory);

  void embed(const PackedBatch& batch, int begin, int end, Slot& slot, const RowWork& work);
  void qkv(const PackedBatch& batch, std::size_t layer, int begin, int end, Slot& slot,
           const RowWork& work);
  void rest(std::size_t layer, int begin, int end, Slot& slot, const RowWork& work);
  void normalize_heads(float* heads, int count, int rows, const float* gamma);
  void join(const Norm& norm, int begin, int end, Slot& slot, bool last);
  void attention(const PackedBatch& batch, std::size_t layer);
  void product(const Linear& linear, const std::byte* x, std::size_t x_stride, int rows,
               Activation activation, float* y, int64_t y_stride, std::byte* y_bf16,
               const RowWork& work) const;
  template <class Body>
  void blocks(int rows, Body&& body);

  float* states(int row) const { return states_ + int64_t(row) * a_.hidden; }
  float* qkv_row(int row) const { return qkv_ + int64_t(row) * a_.qkv_width(); }
  // The table of angles of a layer; null: it does not rotate.
  const float* angles(std::size_t layer) const;

  const Architecture& a_;
  const Weights& w_;
  DenseType type_;
  const Ops& ops_;
  ThreadPool& pool_;
  int longest_;
  Sizes sizes_;
  AlignedMemory memory_;
  float* states_;  // [T, hidden]
  float* qkv_;     // [T, qkv_width]; attention writes its output over the queries
  SlotPool<Slot> slots_;
  std::vector<std::pair<double, std::vector<float>>> angles_;  // by base
};

}  // namespace serval::bei
