// Latent attention in what the golden models leave out: files of both forms, quantised projections,
// many heads over several threads, and tensors that do not fit.
#include <cmath>
#include <gtest/gtest.h>

#include "kernels/float16.h"
#include "plugins/llm/model.h"
#include "tests/common/formats/gguf_writer.h"
#include "tests/plugins/llm/test_model.h"

namespace serval::llm {
namespace {

constexpr uint64_t kHidden = 64, kHeads = 10, kRank = 64, kKey = 32, kValue = 32, kRope = 8;
constexpr int kTokens = 75;

using Floats = std::vector<float>;

Floats random_floats(std::size_t n, uint32_t seed) {
  std::mt19937 rng(seed);
  std::normal_distribution<float> normal(0, 0.2f);
  Floats x(n);
  for (float& v : x) v = normal(rng);
  return x;
}

// The values as a tensor of the type holds them: F32, F16 or Q8_0.
std::string tensor_bytes(GgufTensorType type, const Floats& x) {
  std::string out;
  const auto put = [&](const auto& value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (type == GgufTensorType::f32) put(x[i]);
    if (type == GgufTensorType::f16) put(f32_to_f16(x[i]));
    if (type != GgufTensorType::q8_0 || i % 32 != 0) continue;
    float peak = 0;
    for (std::size_t j = i; j < i + 32; ++j) peak = std::max(peak, std::abs(x[j]));
    const uint16_t scale = f32_to_f16(peak / 127);
    put(scale);
    for (std::size_t j = i; j < i + 32; ++j) put(int8_t(std::lround(x[j] / f16_to_f32(scale))));
  }
  return out;
}

// What Q8_0 leaves of the values.
Floats rounded(const Floats& x) {
  Floats out(x.size());
  dequantize_row(WeightType::q8_0, tensor_bytes(GgufTensorType::q8_0, x).data(), out.data(),
                 int64_t(x.size()));
  return out;
}

// A layer's own part of a file: everything but the projections from the latent vector.
GgufWriter writer() {
  GgufWriter w;
  w.add("general.architecture", "deepseek2");
  const std::pair<const char*, uint64_t> keys[] = {
      {"block_count", 1},
      {"embedding_length", kHidden},
      {"feed_forward_length", 32},
      {"context_length", 512},
      {"attention.head_count", kHeads},
      {"attention.head_count_kv", 1},
      {"rope.dimension_count", kRope},
      {"attention.kv_lora_rank", kRank},
      {"attention.key_length", kRank + kRope},
      {"attention.value_length", kRank},
      {"attention.key_length_mla", kKey + kRope},
      {"attention.value_length_mla", kValue},
  };
  for (const auto& [key, value] : keys) w.add("deepseek2." + std::string(key), uint32_t(value));
  w.random_f32("token_embd.weight", {kHidden, 96}, 1, 1);
  w.random_f32("output_norm.weight", {kHidden}, 1, 2);
  const std::string layer = "blk.0.";
  w.random_f32(layer + "attn_norm.weight", {kHidden}, 1, 3);
  w.random_f32(layer + "attn_q.weight", {kHidden, kHeads * (kKey + kRope)}, 0.2f, 4);
  w.random_f32(layer + "attn_kv_a_mqa.weight", {kHidden, kRank + kRope}, 0.2f, 5);
  w.random_f32(layer + "attn_kv_a_norm.weight", {kRank}, 1, 6);
  w.random_f32(layer + "attn_output.weight", {kHeads * kValue, kHidden}, 0.2f, 7);
  w.random_f32(layer + "ffn_norm.weight", {kHidden}, 1, 8);
  w.random_f32(layer + "ffn_gate.weight", {kHidden, 32}, 0.2f, 9);
  w.random_f32(layer + "ffn_up.weight", {kHidden, 32}, 0.2f, 10);
  w.random_f32(layer + "ffn_down.weight", {32, kHidden}, 0.2f, 11);
  return w;
}

struct Tensor {
  GgufTensorType type;
  Floats values;
};

// keys: [heads, rank, key]; values: [heads, value, rank].
GgufWriter split(const Tensor& keys, const Tensor& values) {
  GgufWriter w = writer();
  w.tensor("blk.0.attn_k_b.weight", keys.type, {kKey, kRank, kHeads},
           tensor_bytes(keys.type, keys.values));
  w.tensor("blk.0.attn_v_b.weight", values.type, {kRank, kValue, kHeads},
           tensor_bytes(values.type, values.values));
  return w;
}

struct Projections {
  Floats joined;  // [heads, key + value, rank]
  Floats keys;    // [heads, rank, key]
  Floats values;  // [heads, value, rank]
};

Projections projections() {
  Projections p;
  p.joined = rounded(random_floats(kHeads * (kKey + kValue) * kRank, 20));
  for (std::size_t h = 0; h < kHeads; ++h) {
    const float* head = p.joined.data() + h * (kKey + kValue) * kRank;
    for (std::size_t r = 0; r < kRank; ++r)
      for (std::size_t k = 0; k < kKey; ++k) p.keys.push_back(head[k * kRank + r]);
    p.values.insert(p.values.end(), head + kKey * kRank, head + (kKey + kValue) * kRank);
  }
  return p;
}

Floats logits(const GgufWriter& writer, int threads = 1, int chunk = kTokens,
              KvType type = KvType::f32) {
  const TemporaryFile path(writer.bytes());
  const Result<GgufFile> file = open_gguf(path.path());
  EXPECT_TRUE(file.ok());
  const Result<ModelShape> shape = read_shape(*file);
  if (!shape) return ADD_FAILURE() << shape.error().message, Floats();
  ThreadPool pool(threads);
  Result<Weights> weights = load_weights(*file, *shape, pool, {});
  if (!weights) return ADD_FAILURE() << weights.error().message, Floats();
  Model model(*shape, std::move(*weights), **best_ops(), pool, kTokens, 96);
  const Result<KvMemory> kv = KvMemory::allocate(*shape, type, 3);
  EXPECT_TRUE(kv.ok());
  std::vector<int32_t> tokens(kTokens);
  for (int i = 0; i < kTokens; ++i) tokens[std::size_t(i)] = i * 31 % 96;
  const std::vector<int> blocks{2, 0, 1};
  Floats out;
  for (int at = 0; at < kTokens; at += chunk) {
    const ModelSlice slice{tokens.data() + at, std::min(chunk, kTokens - at), at, blocks, 0};
    const int wanted = model.forward({&slice, 1}, *kv);
    for (int row = 0; row < wanted; row += Model::kLogitRows) {
      const int rows = std::min(Model::kLogitRows, wanted - row);
      const float* from = model.logits(row, rows);
      out.insert(out.end(), from, from + std::ptrdiff_t(rows) * shape->vocab);
    }
  }
  return out;
}

double relative_power(const Floats& a, const Floats& b) {
  double error = 0, power = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    error += (double(a[i]) - b[i]) * (double(a[i]) - b[i]);
    power += double(b[i]) * b[i];
  }
  return error / power;
}

std::string refusal(const GgufWriter& writer) {
  const TemporaryFile path(writer.bytes());
  const Result<GgufFile> file = open_gguf(path.path());
  EXPECT_TRUE(file.ok());
  const Result<ModelShape> shape = read_shape(*file);
  if (!shape) return shape.error().message;
  const Result<std::size_t> bytes = weights_bytes(*file, *shape);
  return bytes ? "" : bytes.error().message;
}

TEST(LatentAttention, OldFilesGiveTheBitsOfNewOnes) {
  const Projections p = projections();
  for (const GgufTensorType type : {GgufTensorType::f32, GgufTensorType::q8_0}) {
    GgufWriter joined = writer();
    joined.tensor("blk.0.attn_kv_b.weight", type, {kRank, kHeads * (kKey + kValue)},
                  tensor_bytes(type, p.joined));
    // What is turned cannot stay in blocks: it becomes F16.
    const bool plain = type == GgufTensorType::f32;
    const GgufWriter parts =
        split({plain ? GgufTensorType::f32 : GgufTensorType::f16, p.keys}, {type, p.values});
    const Floats want = logits(parts);
    EXPECT_EQ(want.size(), std::size_t(kTokens) * 96);
    EXPECT_EQ(logits(joined), want) << plain;
  }
}

TEST(LatentAttention, QuantisedProjectionsAreNearTheirValues) {
  const Floats keys = rounded(random_floats(kHeads * kRank * kKey, 21));
  const Floats values = rounded(random_floats(kHeads * kValue * kRank, 22));
  const Floats want = logits(split({GgufTensorType::f32, keys}, {GgufTensorType::f32, values}));
  const Floats got = logits(split({GgufTensorType::q8_0, keys}, {GgufTensorType::q8_0, values}));
  EXPECT_LT(relative_power(got, want), 1e-3);
}

// More heads than threads, and heads that do not divide among them.
TEST(LatentAttention, ThreadsAndChunksAreBitwiseEqual) {
  const Projections p = projections();
  for (const GgufTensorType type : {GgufTensorType::f32, GgufTensorType::q8_0}) {
    const GgufWriter file = split({type, p.keys}, {type, p.values});
    for (const KvType kv : {KvType::f32, KvType::f16}) {
      const Floats want = logits(file, 1, kTokens, kv);
      for (const int threads : {1, 2, 3})
        for (const int chunk : {1, 5, 33, kTokens})
          ASSERT_EQ(logits(file, threads, chunk, kv), want) << threads << " " << chunk;
    }
  }
}

TEST(LatentAttention, HalfPrecisionCacheIsNear) {
  const Projections p = projections();
  const GgufWriter file = split({GgufTensorType::f32, p.keys}, {GgufTensorType::f32, p.values});
  const double error = relative_power(logits(file, 1, kTokens, KvType::f16), logits(file));
  EXPECT_LT(error, 1e-5);
  EXPECT_GT(error, 0);
}

TEST(LatentAttention, CacheTypesItHasNotAreRefused) {
  LlmConfig config;
  for (const KvType type : {KvType::bf16, KvType::int8, KvType::int4}) {
    config.kv_type = type;
    const Result<ModelPlan> plan = LoadedModel::plan(golden_path("deepseek-v3.gguf"), config);
    ASSERT_FALSE(plan.ok());
    EXPECT_EQ(plan.error().code, Code::unimplemented);
    EXPECT_NE(plan.error().message.find("f16 or f32"), std::string::npos) << plan.error().message;
  }
  config.kv_type = KvType::f16;
  const Result<ModelPlan> plan = LoadedModel::plan(golden_path("deepseek-v3.gguf"), config);
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_EQ(plan->kv_type, KvType::f16);
}

TEST(LatentAttention, TensorsThatDoNotFitAreRefusedByName) {
  const auto expect = [](const GgufWriter& writer, const std::string& part) {
    EXPECT_NE(refusal(writer).find(part), std::string::npos) << refusal(writer);
  };
  const auto with = [](const char* name, std::vector<uint64_t> dims) {
    return writer().random_f32(name, std::move(dims), 1, 1);
  };
  const char* const joined = "blk.0.attn_kv_b.weight";
  const char* const keys = "blk.0.attn_k_b.weight";
  EXPECT_EQ(refusal(with(joined, {kRank, kHeads * (kKey + kValue)})), "");
  expect(writer(), joined);
  expect(with(joined, {kRank, (kHeads - 1) * (kKey + kValue)}),
         "blk.0.attn_kv_b.weight is [576, 64], want [640, 64]");
  expect(with(joined, {kRank + 1, kHeads * (kKey + kValue)}), joined);
  expect(with(keys, {kKey, kRank, kHeads}), "blk.0.attn_v_b.weight");
  expect(with(keys, {kRank, kKey, kHeads}),
         "blk.0.attn_k_b.weight is [10, 32, 64], want [10, 64, 32]");
}

}  // namespace
}  // namespace serval::llm
