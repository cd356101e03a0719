// One sequence in a paged cache, for the tests of attention on any table.
#pragma once

#include <cmath>

#include "tests/kernels/kernel_test.h"

namespace serval {

inline constexpr KvType kAllKvTypes[] = {KvType::f32, KvType::f16, KvType::bf16, KvType::int8,
                                         KvType::int4};

struct AttentionShape {
  int heads, kv_heads, head_dim;
};

// One sequence of `length` tokens in a cache whose unwritten slots hold NaN.
class AttentionSequence {
 public:
  AttentionSequence(const Ops& ops, KvType type, AttentionShape shape, int length,
                    std::mt19937& rng, float spread = 1)
      : type_(type),
        shape_(shape),
        stride_(shape.heads * shape.head_dim),
        q_(random_floats(std::size_t(length * stride_), rng, spread)) {
    const int kv = shape.kv_heads * shape.head_dim;
    const std::size_t bytes = kv_block_bytes(type, shape.kv_heads, shape.head_dim);
    for (int t = 0; t < length; ++t) {
      if (t % kKvBlockTokens == 0) {
        memory_.push_back(std::make_unique<Aligned>(bytes));
        std::memset(memory_.back()->data(), 0xff, bytes);  // NaN in f32 and in f16
        blocks_.push_back(memory_.back()->data());
      }
      const auto k = random_floats(std::size_t(kv), rng), v = random_floats(std::size_t(kv), rng);
      ops.kv_write({k.data(), v.data(), memory_.back()->data(), t % kKvBlockTokens, type,
                    shape.kv_heads, shape.head_dim});
    }
  }

  std::size_t floats() const { return q_.size(); }
  int64_t stride() const { return stride_; }

  // Queries [q0, q0 + n); out as for the whole sequence.
  Attention args(int q0, int n, float* out) const {
    return {q_.data() + q0 * stride_,
            stride_,
            out + q0 * stride_,
            stride_,
            blocks_.data(),
            type_,
            q0,
            n,
            shape_.heads,
            shape_.kv_heads,
            shape_.head_dim,
            0,
            shape_.kv_heads,
            1.0f / std::sqrt(float(shape_.head_dim))};
  }

 private:
  KvType type_;
  AttentionShape shape_;
  int64_t stride_;
  std::vector<float> q_;
  std::vector<std::unique_ptr<Aligned>> memory_;
  std::vector<const void*> blocks_;
};

}  // namespace serval
