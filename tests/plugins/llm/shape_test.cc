// What a file's metadata says about its model, and what is refused.
#include "plugins/llm/shape.h"

#include <cmath>
#include <gtest/gtest.h>

#include "plugins/llm/kv_memory.h"
#include "plugins/llm/weights.h"
#include "tests/common/formats/gguf_writer.h"

namespace serval::llm {
namespace {

// The metadata of a model with these many layers, 64 wide, two heads.
GgufWriter model(const std::string& architecture, int layers = 1) {
  GgufWriter writer;
  writer.add("general.architecture", architecture);
  const std::string a = architecture + ".";
  writer.add(a + "block_count", uint32_t(layers));
  writer.add(a + "embedding_length", 64u).add(a + "feed_forward_length", 48u);
  writer.add(a + "context_length", 512u).add(a + "attention.head_count", 2u);
  writer.random_f32("token_embd.weight", {64, 8}, 1, 1);
  return writer;
}

class ShapeTest : public testing::Test {
 protected:
  Result<ModelShape> read(const GgufWriter& writer) {
    const TemporaryFile saved(writer.bytes());
    const Result<GgufFile> file = open_gguf(saved.path());
    EXPECT_TRUE(file.ok());
    return read_shape(*file);
  }
  void expect_error(const GgufWriter& writer, Code code, const std::string& part) {
    const Result<ModelShape> shape = read(writer);
    ASSERT_FALSE(shape.ok()) << part;
    EXPECT_EQ(shape.error().code, code) << shape.error().message;
    EXPECT_NE(shape.error().message.find(part), std::string::npos) << shape.error().message;
  }
};

TEST_F(ShapeTest, UnknownArchitecturesAreRefusedByName) {
  expect_error(model("mamba"), Code::unimplemented, "\"mamba\"");
  expect_error(model("mamba"), Code::unimplemented, "qwen3moe");
}

TEST_F(ShapeTest, KeysNobodyHasAskedForAreRefusedByName) {
  expect_error(model("qwen2").add("qwen2.attention.sliding_window", 128u), Code::unimplemented,
               "qwen2.attention.sliding_window");
  expect_error(model("qwen3").add("qwen3.expert_count", 8u), Code::unimplemented,
               "qwen3.expert_count");
  expect_error(model("llama").add("llama.logit_scale", 0.5f), Code::unimplemented,
               "llama.logit_scale");
  EXPECT_TRUE(read(model("qwen2").add("qwen2.attention.sliding_window", 0u)).ok());
}

TEST_F(ShapeTest, Rotations) {
  const auto scaled = [](const char* type) {
    return model("llama").add("llama.rope.scaling.type", type);
  };
  expect_error(scaled("longrope"), Code::unimplemented, "RoPE scaling \"longrope\"");
  expect_error(scaled("yarn").add("llama.rope.scaling.factor", 0.5f), Code::invalid_argument,
               "rope.scaling.factor");
  expect_error(scaled("yarn").add("llama.rope.scaling.yarn_ext_factor", 0.5f),
               Code::invalid_argument, "yarn_ext_factor");
  expect_error(model("llama").random_f32("rope_freqs.weight", {3}, 1, 1), Code::invalid_argument,
               "rope_freqs.weight");
  expect_error(model("llama").f32("rope_freqs.weight", {16}, std::vector<float>(16, 0.0f)),
               Code::invalid_argument, "rope_freqs.weight");
  // Linear scaling and Llama 3's factors work on each other.
  const Result<ModelShape> both =
      read(scaled("linear")
               .add("llama.rope.scaling.factor", 4.0f)
               .f32("rope_freqs.weight", {16}, std::vector<float>(16, 1.5f)));
  ASSERT_TRUE(both.ok()) << both.error().message;
  EXPECT_EQ(both->ropes[0].factors, std::vector<float>(16, 6.0f));
}

TEST_F(ShapeTest, HeadsTheKernelsCannotDo) {
  const auto with = [](const char* key, uint32_t value) {
    return model("qwen3").add(std::string("qwen3.attention.") + key, value);
  };
  expect_error(with("key_length", 12), Code::unimplemented, "head dimension of 12");
  expect_error(with("key_length", 264), Code::unimplemented, "head dimension of 264");
  expect_error(with("value_length", 16), Code::unimplemented, "value length");
  expect_error(with("head_count_kv", 3), Code::invalid_argument, "head_count_kv");
}

TEST_F(ShapeTest, Experts) {
  expect_error(model("qwen3moe"), Code::invalid_argument, "expert_count");
  const auto experts = [](uint32_t count, uint32_t used) {
    return model("llama").add("llama.expert_count", count).add("llama.expert_used_count", used);
  };
  expect_error(experts(4, 5), Code::invalid_argument, "expert_used_count");
  expect_error(experts(4, 0), Code::invalid_argument, "expert_used_count");
  expect_error(experts(1000, 100), Code::invalid_argument, "expert_used_count");
  expect_error(experts(4, 2).add("llama.expert_gating_func", 3u), Code::unimplemented,
               "expert_gating_func of 3");
  expect_error(experts(4, 2).add("llama.expert_shared_count", 1u), Code::unimplemented,
               "llama.expert_shared_count");
  expect_error(experts(4, 2).add("llama.expert_group_count", 3u), Code::invalid_argument,
               "expert_group_count");
  expect_error(
      experts(4, 3).add("llama.expert_group_count", 2u).add("llama.expert_group_used_count", 1u),
      Code::invalid_argument, "expert_group_used_count");
  const Result<ModelShape> mixtral = read(experts(4, 2));
  ASSERT_TRUE(mixtral.ok()) << mixtral.error().message;
  EXPECT_EQ(mixtral->experts.feed_forward, 48);
  EXPECT_TRUE(mixtral->experts.normalise);
  EXPECT_TRUE(mixtral->layer[0].experts);
  EXPECT_FALSE(read(model("llama"))->layer[0].experts);
}

TEST_F(ShapeTest, GemmaLayersHaveWindowsButEverySixth) {
  const auto gemma = [](int layers) {
    return model("gemma3", layers)
        .add("gemma3.attention.sliding_window", 64u)
        .add("gemma3.rope.freq_base", 1e6f)
        .add("gemma3.rope.scaling.type", "linear")
        .add("gemma3.rope.scaling.factor", 8.0f);
  };
  const Result<ModelShape> shape = read(gemma(13));
  ASSERT_TRUE(shape.ok()) << shape.error().message;
  for (std::size_t i = 0; i < 13; ++i) {
    const bool global = i == 5 || i == 11;
    EXPECT_EQ(shape->layer[i].window, global ? 0 : 64) << i;
    const RopeShape& rope = shape->ropes[std::size_t(shape->layer[i].rope)];
    EXPECT_EQ(rope.base, global ? 1e6 : 1e4) << i;
    EXPECT_EQ(rope.factors.empty(), !global) << i;
  }
  EXPECT_FLOAT_EQ(shape->embedding_scale, 8);
  EXPECT_FLOAT_EQ(shape->attention_scale, 1 / std::sqrt(32.0f));
  const Result<ModelShape> of_27b = read(gemma(62).add("gemma3.attention.key_length", 128u));
  ASSERT_TRUE(of_27b.ok()) << of_27b.error().message;
  EXPECT_FLOAT_EQ(of_27b->attention_scale, 1 / std::sqrt(32.0f));  // hidden / heads

  const std::vector<bool> pattern{true, false};
  const Result<ModelShape> listed =
      read(gemma(2).add("gemma3.attention.sliding_window_pattern", pattern));
  ASSERT_TRUE(listed.ok()) << listed.error().message;
  EXPECT_EQ(listed->layer[0].window, 64);
  EXPECT_EQ(listed->layer[1].window, 0);
  expect_error(gemma(3).add("gemma3.attention.sliding_window_pattern", pattern),
               Code::invalid_argument, "sliding_window_pattern");
  expect_error(model("gemma3"), Code::not_found, "sliding_window");
}

// A DeepSeek of three layers, and one key more.
template <class T>
GgufWriter deepseek(const char* key, T value) {
  const std::pair<const char*, uint32_t> keys[] = {{"rope.dimension_count", 8},
                                                   {"attention.q_lora_rank", 24},
                                                   {"attention.kv_lora_rank", 32},
                                                   {"attention.key_length", 40},
                                                   {"attention.value_length", 32},
                                                   {"attention.key_length_mla", 24},
                                                   {"attention.value_length_mla", 20},
                                                   {"leading_dense_block_count", 1},
                                                   {"expert_count", 8},
                                                   {"expert_used_count", 2},
                                                   {"expert_feed_forward_length", 16},
                                                   {"expert_shared_count", 2},
                                                   {"expert_group_count", 4},
                                                   {"expert_group_used_count", 2},
                                                   {"rope.scaling.original_context_length", 64}};
  GgufWriter writer = model("deepseek2", 3);
  for (const auto& [name, number] : keys)
    if (std::string_view(name) != key) writer.add("deepseek2." + std::string(name), number);
  return writer.add("deepseek2." + std::string(key), value);
}

TEST_F(ShapeTest, DeepseekLayers) {
  const Result<ModelShape> shape = read(deepseek("expert_weights_scale", 2.5f));
  ASSERT_TRUE(shape.ok()) << shape.error().message;
  EXPECT_EQ(shape->attention, AttentionKind::latent);
  EXPECT_EQ(shape->head_dim, 24);
  EXPECT_EQ(shape->latent.key_dim, 16);
  EXPECT_EQ(shape->latent.value_dim, 20);
  EXPECT_FLOAT_EQ(shape->attention_scale, 1 / std::sqrt(24.0f));
  EXPECT_FALSE(shape->layer[0].experts);
  EXPECT_TRUE(shape->layer[1].experts);
  EXPECT_EQ(shape->experts.gating, Gating::softmax);
  EXPECT_FALSE(shape->experts.normalise);
  EXPECT_FLOAT_EQ(shape->experts.scale, 2.5f);
  EXPECT_EQ(shape->experts.shared, 32);
  EXPECT_EQ(shape->experts.groups_used, 2);
  // One row of 32 latent values and 8 rotated ones for each of 32 tokens, not one a head.
  EXPECT_EQ(KvMemory::block_bytes(*shape, KvType::f16), 3u * 32 * (32 + 8) * 2);
  // A bias for the choice comes with sigmoids only.
  const Result<ModelShape> biased =
      read(deepseek("vocab_size", 8u).random_f32("blk.1.exp_probs_b.bias", {8}, 1, 1));
  ASSERT_TRUE(biased.ok()) << biased.error().message;
  EXPECT_EQ(biased->experts.gating, Gating::sigmoid);
}

TEST_F(ShapeTest, DeepseekPutsYarnsMagnitudeOnTheScore) {
  const auto yarn = [](float multiplier) {
    return deepseek("rope.scaling.yarn_log_multiplier", multiplier)
        .add("deepseek2.rope.scaling.type", "yarn")
        .add("deepseek2.rope.scaling.factor", 40.0f);
  };
  const Result<ModelShape> shape = read(yarn(0.0707f));
  ASSERT_TRUE(shape.ok()) << shape.error().message;
  const float magnitude = 1 + 0.0707f * std::log(40.0f);
  EXPECT_NEAR(shape->attention_scale, magnitude * magnitude / std::sqrt(24.0f), 1e-6);
  EXPECT_NEAR(shape->ropes[0].magnitude, 1, 1e-6);
  const Result<ModelShape> without = read(yarn(0));
  ASSERT_TRUE(without.ok()) << without.error().message;
  EXPECT_NEAR(without->attention_scale, 1 / std::sqrt(24.0f), 1e-6);
  EXPECT_NEAR(without->ropes[0].magnitude, 1 + 0.1f * std::log(40.0f), 1e-6);
  expect_error(model("llama").add("llama.rope.scaling.yarn_log_multiplier", 0.1f),
               Code::unimplemented, "yarn_log_multiplier");
}

TEST_F(ShapeTest, ImpossibleDeepseeks) {
  expect_error(deepseek("attention.kv_lora_rank", 20u), Code::unimplemented, "kv_lora_rank of 20");
  expect_error(deepseek("attention.kv_lora_rank", 4096u), Code::unimplemented,
               "kv_lora_rank of 4096");
  expect_error(deepseek("attention.kv_lora_rank", 0u), Code::invalid_argument, "kv_lora_rank");
  expect_error(deepseek("rope.dimension_count", 12u), Code::unimplemented,
               "rope.dimension_count of 12");
  expect_error(deepseek("rope.dimension_count", 24u), Code::invalid_argument, "rotated part");
  expect_error(deepseek("rope.dimension_count", 32u), Code::invalid_argument, "rotated part");
  expect_error(deepseek("leading_dense_block_count", 4u), Code::invalid_argument,
               "leading_dense_block_count");
  expect_error(deepseek("expert_feed_forward_length", 1u << 20), Code::invalid_argument,
               "shared experts");
  expect_error(deepseek("expert_group_count", 3u), Code::invalid_argument, "expert_group_count");
  expect_error(deepseek("attention.temperature_scale", 0.1f), Code::unimplemented,
               "deepseek2.attention.temperature_scale");
  expect_error(deepseek("nextn_predict_layers", 1u), Code::unimplemented, "nextn_predict_layers");
}

// All tensors of a one-layer model, and one more.
TEST_F(ShapeTest, TensorsNobodyHasAskedForAreRefusedByName) {
  GgufWriter writer = model("llama");
  writer.random_f32("output_norm.weight", {64}, 1, 2);
  for (const char* norm : {"attn_norm", "ffn_norm"})
    writer.random_f32(std::string("blk.0.") + norm + ".weight", {64}, 1, 3);
  for (const char* square : {"attn_q", "attn_k", "attn_v", "attn_output"})
    writer.random_f32(std::string("blk.0.") + square + ".weight", {64, 64}, 1, 4);
  writer.random_f32("blk.0.ffn_gate.weight", {64, 48}, 1, 5);
  writer.random_f32("blk.0.ffn_up.weight", {64, 48}, 1, 6);
  writer.random_f32("blk.0.ffn_down.weight", {48, 64}, 1, 7);
  const auto check = [&] {
    const TemporaryFile saved(writer.bytes());
    const Result<GgufFile> file = open_gguf(saved.path());
    EXPECT_TRUE(file.ok());
    const Result<ModelShape> shape = read_shape(*file);
    EXPECT_TRUE(shape.ok()) << shape.error().message;
    return weights_bytes(*file, *shape);
  };
  EXPECT_TRUE(check().ok()) << check().error().message;
  writer.random_f32("blk.0.attn_q_norm.weight", {32}, 1, 8);
  const Result<std::size_t> refused = check();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::unimplemented);
  EXPECT_NE(refused.error().message.find("blk.0.attn_q_norm.weight"), std::string::npos);
}

}  // namespace
}  // namespace serval::llm
