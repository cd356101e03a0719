#include <algorithm>
#include <cmath>

#include "tests/kernels/kernel_test.h"

namespace serval {
namespace {

class PackedAttentionTest : public KernelTest {};
SERVAL_KERNEL_SUITE(PackedAttentionTest);

struct Shape {
  int heads, kv_heads, head_dim;
};

// Sequences laid end to end, q, k and v in one row of a token as a fused projection gives them.
class Batch {
 public:
  Batch(Shape shape, std::vector<int> lengths, std::mt19937& rng, float spread = 1)
      : shape_(shape), lengths_(std::move(lengths)) {
    for (int n : lengths_) tokens_ += n;
    qkv_ = random_floats(std::size_t(tokens_ * stride()), rng, spread);
    longest_ = *std::max_element(lengths_.begin(), lengths_.end());
    scratch_ = std::make_unique<Aligned>(packed_attention_scratch(longest_, shape.head_dim));
  }
  int64_t stride() const { return int64_t{shape_.heads + 2 * shape_.kv_heads} * shape_.head_dim; }
  int64_t out_stride() const { return int64_t{shape_.heads} * shape_.head_dim; }
  std::size_t out_floats() const { return std::size_t(tokens_ * out_stride()); }
  float* qkv() { return qkv_.data(); }
  std::size_t sequences() const { return lengths_.size(); }

  PackedAttention args(std::size_t sequence, float* out) const {
    PackedAttention a;
    a.q = qkv_.data();
    a.k = a.q + out_stride();
    a.v = a.k + int64_t{shape_.kv_heads} * shape_.head_dim;
    a.q_stride = a.k_stride = a.v_stride = stride();
    a.out = out;
    a.out_stride = out_stride();
    for (std::size_t s = 0; s < sequence; ++s) a.begin += lengths_[s];
    a.length = lengths_[sequence];
    a.heads = shape_.heads;
    a.kv_heads = shape_.kv_heads;
    a.head_dim = shape_.head_dim;
    a.scale = 1.0f / std::sqrt(float(shape_.head_dim));
    a.head_end = shape_.heads;
    a.query_end = a.length;
    a.scratch = scratch_->data();
    return a;
  }

 private:
  Shape shape_;
  std::vector<int> lengths_;
  int64_t tokens_ = 0;
  int longest_ = 0;
  std::vector<float> qkv_;
  std::unique_ptr<Aligned> scratch_;
};

constexpr Shape kShapes[] = {{1, 1, 8},  {3, 3, 32},  {4, 2, 64}, {2, 1, 40},
                             {2, 2, 96}, {1, 1, 128}, {1, 1, 256}};

constexpr DenseType kTypes[] = {DenseType::f32, DenseType::bf16, DenseType::int8};

// f32: near the oracle; else the error's share of the output's power is small.
void expect_equal(std::span<const float> got, std::span<const float> want, const PackedAttention& a,
                  double spread = 1) {
  if (a.type == DenseType::f32) {
    for (std::size_t i = 0; i < want.size(); ++i)
      ASSERT_NEAR(got[i], want[i], 4e-6 * spread * (1 + std::fabs(want[i]))) << i;
    return;
  }
  ASSERT_LT(relative_power(got, want), a.type == DenseType::bf16 ? 1e-4 : 1e-3);
}

struct Mask {
  int window;
  bool causal;
};
constexpr Mask kMasks[] = {{0, false},  {0, true},  {1, false},
                           {40, false}, {64, true}, {300, false}};

TEST_P(PackedAttentionTest, EqualsReference) {
  for (const Shape shape : kShapes) {
    for (const int length : {1, 2, 13, 31, 48, 65, 300, 530}) {
      if (length > 100 && shape.head_dim > 40) continue;
      for (const Mask mask : kMasks) {
        for (const DenseType type : kTypes) {
          const Batch b(shape, {length}, rng_);
          Guarded out(b.out_floats(), 1);
          std::vector<float> want(b.out_floats());
          PackedAttention a = b.args(0, want.data());
          a.window = mask.window;
          a.causal = mask.causal;
          a.type = type;
          reference_ops().packed_attention(a);
          a.out = out.data();
          ops().packed_attention(a);
          ASSERT_TRUE(out.intact());
          SCOPED_TRACE(std::to_string(shape.head_dim) + " L" + std::to_string(length) + " window " +
                       std::to_string(mask.window) + " " + dense_type_name(type));
          expect_equal(out.span(), want, a);
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

TEST_P(PackedAttentionTest, AddsTheBias) {
  const Shape shape{3, 3, 32};
  const Batch b(shape, {150}, rng_);
  const auto bias = random_floats(3 * 301, rng_, 3);
  for (const DenseType type : kTypes) {
    std::vector<float> out(b.out_floats()), want(b.out_floats());
    PackedAttention a = b.args(0, want.data());
    a.type = type;
    a.bias = bias.data();
    a.bias_stride = 301;
    a.bias_zero = 150;
    reference_ops().packed_attention(a);
    a.out = out.data();
    ops().packed_attention(a);
    expect_equal(out, want, a);
  }
}

// A sequence among others, by any split of heads and queries, has the bits it has alone.
TEST_P(PackedAttentionTest, SequencesAreBitwiseIndependent) {
  const Shape shape{4, 2, 32};
  for (const Mask mask : kMasks) {
    for (const DenseType type : kTypes) {
      const std::vector<int> lengths = {7, 290, 1, 100};
      Batch b(shape, lengths, rng_);
      std::vector<float> out(b.out_floats());
      int64_t begin = 0;
      for (std::size_t s = 0; s < lengths.size(); ++s) {
        PackedAttention a = b.args(s, out.data());
        a.window = mask.window;
        a.causal = mask.causal;
        a.type = type;
        std::vector<float> alone(std::size_t(lengths[s] * b.out_stride()));
        PackedAttention one = a;
        one.q += begin * b.stride();
        one.k += begin * b.stride();
        one.v += begin * b.stride();
        one.out = alone.data();
        one.begin = 0;
        ops().packed_attention(one);
        for (int h = 0; h < shape.heads; h += 3) {
          a.head_begin = h;
          a.head_end = std::min(h + 3, shape.heads);
          for (int i = 0; i < a.length; i += kQueryBlock) {
            a.query_begin = i;
            a.query_end = std::min(i + kQueryBlock, a.length);
            ops().packed_attention(a);
          }
        }
        const std::span<const float> all(out);
        ASSERT_TRUE(
            same_bits(all.subspan(std::size_t(begin * b.out_stride()), alone.size()), alone))
            << "sequence " << s << " window " << mask.window << " " << dense_type_name(type);
        begin += lengths[s];
      }
    }
  }
}

// A few queries a hundred times as long as those they share tiles with, which differ from split to
// split: every query keeps its bits, and has the oracle's values.
TEST_P(PackedAttentionTest, LongAndShortQueriesShareTiles) {
  const Shape shape{2, 2, 32};
  constexpr int kLength = 290;
  for (const DenseType type : kTypes) {
    Batch b(shape, {kLength}, rng_);
    for (int t = 0; t < kLength; t += 37)
      for (int64_t i = 0; i < b.out_stride(); ++i) b.qkv()[t * b.stride() + i] *= 100;
    std::vector<float> whole(b.out_floats()), parts(b.out_floats()), want(b.out_floats());
    PackedAttention a = b.args(0, want.data());
    a.type = type;
    reference_ops().packed_attention(a);
    a.out = whole.data();
    ops().packed_attention(a);
    if (type != DenseType::f32)  // the scores' error grows with them
      ASSERT_LT(relative_power(whole, want), type == DenseType::bf16 ? 1e-3 : 3e-2);
    else
      for (std::size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(whole[i], want[i], 1e-3);
    a.out = parts.data();
    for (a.query_begin = 0; a.query_begin < kLength; a.query_begin += kQueryBlock) {
      a.query_end = std::min(a.query_begin + kQueryBlock, kLength);
      ops().packed_attention(a);
    }
    ASSERT_TRUE(same_bits(parts, whole)) << dense_type_name(type);
  }
}

// What is hidden from a query moves no bit of it: later keys, and keys beyond the window.
TEST_P(PackedAttentionTest, HiddenKeysMoveNoBit) {
  const Shape shape{2, 2, 32};
  for (const DenseType type : kTypes) {
    Batch b(shape, {330}, rng_);
    std::vector<float> before(b.out_floats()), after(b.out_floats());
    PackedAttention a = b.args(0, before.data());
    a.window = 20;
    a.type = type;
    ops().packed_attention(a);
    for (int t = 100; t < 140; ++t)
      for (int64_t i = 0; i < b.stride(); ++i) b.qkv()[t * b.stride() + i] += 5;
    a.out = after.data();
    ops().packed_attention(a);
    const std::span<const float> x(before), y(after);
    const auto first = std::size_t(80 * b.out_stride()), last = std::size_t(160 * b.out_stride());
    EXPECT_TRUE(same_bits(x.subspan(0, first), y.subspan(0, first)));
    EXPECT_TRUE(same_bits(x.subspan(last), y.subspan(last)));
    EXPECT_FALSE(same_bits(x, y));
  }
}

// One key has half of the weight, 599 share the rest: each has less than a step of 8 bits, together
// they count as much.
TEST_P(PackedAttentionTest, SmallWeightsAddUp) {
  constexpr int kLength = 600, kDim = 32;
  Batch b({1, 1, kDim}, {kLength}, rng_, 0.01f);
  for (int t = 0; t < kLength; ++t) {
    float* row = b.qkv() + t * b.stride();
    row[0] = 8;
    row[kDim] = t == 0 ? std::log(599.0f) * std::sqrt(float(kDim)) / 8 : 0;
    row[2 * kDim] = t == 0 ? -1.0f : 1.0f;
  }
  for (const DenseType type : kTypes) {
    std::vector<float> out(b.out_floats()), want(b.out_floats());
    PackedAttention a = b.args(0, want.data());
    a.type = type;
    reference_ops().packed_attention(a);
    a.out = out.data();
    ops().packed_attention(a);
    for (std::size_t t = 0; t < kLength; ++t) {
      ASSERT_NEAR(want[t * kDim], 0, 0.05);
      ASSERT_NEAR(out[t * kDim], want[t * kDim], 0.05) << dense_type_name(type) << " " << t;
    }
  }
}

// Keys that are all alike, queries of 0 and values that do not move: the result is the values'
// mean.
TEST_P(PackedAttentionTest, EqualScoresGiveTheMean) {
  constexpr int kDim = 40;
  for (const int length : {1, 63, 64, 65, 513}) {
    for (const float query : {0.0f, 3.0f}) {
      Batch b({1, 1, kDim}, {length}, rng_);
      std::vector<double> mean(kDim);
      for (int t = 0; t < length; ++t) {
        float* row = b.qkv() + t * b.stride();
        std::fill(row, row + kDim, query);
        std::fill(row + kDim, row + 2 * kDim, -2.0f);
        row[2 * kDim] = 7;
        for (int d = 0; d < kDim; ++d) mean[std::size_t(d)] += double(row[2 * kDim + d]) / length;
      }
      for (const DenseType type : kTypes) {
        std::vector<float> out(b.out_floats());
        PackedAttention a = b.args(0, out.data());
        a.type = type;
        ops().packed_attention(a);
        const double bound = type == DenseType::f32 ? 1e-5 : type == DenseType::bf16 ? 1e-2 : 2e-2;
        for (std::size_t i = 0; i < out.size(); ++i)
          ASSERT_NEAR(out[i], mean[i % kDim], bound) << dense_type_name(type) << " " << length;
      }
    }
  }
}

// Scores of +-50 and more: the greatest one moves from block to block.
TEST_P(PackedAttentionTest, LargeScoresStayStable) {
  const Batch b({2, 2, 64}, {600}, rng_, 7);
  std::vector<float> out(b.out_floats()), want(b.out_floats());
  PackedAttention a = b.args(0, want.data());
  reference_ops().packed_attention(a);
  a.out = out.data();
  ops().packed_attention(a);
  for (std::size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(out[i], want[i], 2e-3);
}

}  // namespace
}  // namespace serval
