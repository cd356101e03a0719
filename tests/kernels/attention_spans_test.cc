// Attention whose keys lie in several spans, whole or cut at the spans.
#include <algorithm>

#include "tests/kernels/attention_sequence.h"

namespace serval {
namespace {

class AttentionSpansTest : public KernelTest {};
SERVAL_KERNEL_SUITE(AttentionSpansTest);

// Before, at and behind the edges of spans.
constexpr int kPositions[] = {0, 511, 512, 513, 1023, 1024, 1300};

// The output of one query from parts of its own, one a span and kv head.
std::vector<float> in_parts(const Ops& ops, Attention a) {
  const int oldest = a.window > 0 ? std::max(a.q0 - a.window + 1, 0) : 0;
  const int first = oldest / kSpanKeys, spans = a.q0 / kSpanKeys - first + 1;
  const std::size_t each = std::size_t(a.heads * span_floats(a.head_dim));
  Guarded parts(std::size_t(spans) * each);
  Guarded out(std::size_t(a.heads * a.head_dim));
  a.out = nullptr;
  for (a.span = first + spans - 1; a.span >= first; --a.span) {
    a.part = parts.data() + std::size_t(a.span - first) * each;
    for (int h = 0; h < a.kv_heads; ++h) {
      a.kv_head_begin = h;
      a.kv_head_end = h + 1;
      ops.attention(a);
    }
  }
  EXPECT_TRUE(parts.intact());
  ops.join_spans({.parts = parts.data(),
                  .spans = spans,
                  .heads = a.heads,
                  .head_dim = a.head_dim,
                  .type = a.type,
                  .out = out.data()});
  EXPECT_TRUE(out.intact());
  return {out.span().begin(), out.span().end()};
}

TEST_P(AttentionSpansTest, JoinedPartsAreTheWhole) {
  for (const AttentionShape shape : {AttentionShape{6, 2, 64}, AttentionShape{3, 3, 40}}) {
    for (const KvType type : kAllKvTypes) {
      const AttentionSequence s(ops(), type, shape, 1301, rng_, 3);
      for (const int window : {0, 1, 300, 700}) {
        for (const int position : kPositions) {
          std::vector<float> whole(s.floats());
          Attention a = s.args(position, 1, whole.data());
          a.window = window;
          ops().attention(a);
          const std::vector<float> parts = in_parts(ops(), a);
          const std::span<const float> want(a.out, parts.size());
          // The reference rounds a part's sums to floats and the whole's not.
          const bool exact = &ops() == &reference_ops() || same_bits(parts, want);
          ASSERT_TRUE(exact) << "type " << int(type) << " window " << window << " position "
                             << position;
          for (std::size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(parts[i], want[i], 1e-6);
        }
      }
    }
  }
}

// Queries of one call that see different numbers of spans.
TEST_P(AttentionSpansTest, ManyQueriesEqualReferenceAtAnyChunking) {
  const int from = 480, length = 1060;
  for (const KvType type : {KvType::f32, KvType::f16}) {
    for (const int window : {0, 40, 600}) {
      const AttentionSequence s(ops(), type, {2, 1, 32}, length, rng_);
      std::vector<float> whole(s.floats()), want(s.floats());
      Attention a = s.args(from, length - from, want.data());
      a.window = window;
      reference_ops().attention(a);
      a.out = whole.data() + from * s.stride();
      ops().attention(a);
      for (std::size_t i = 0; i < want.size(); ++i)
        ASSERT_NEAR(whole[i], want[i], 4e-6 * (1 + std::fabs(want[i])))
            << "type " << int(type) << " window " << window;
      for (const int chunk : {1, 7, 32}) {
        std::vector<float> out(s.floats());
        for (int q0 = from; q0 < length; q0 += chunk) {
          Attention part = s.args(q0, std::min(chunk, length - q0), out.data());
          part.window = window;
          ops().attention(part);
        }
        ASSERT_TRUE(same_bits(out, whole)) << "type " << int(type) << " chunk " << chunk;
      }
    }
  }
}

}  // namespace
}  // namespace serval
