// DeepSeek V2 and V3 (DeepSeek-AI 2024): latent attention; leading dense layers, then layers with
// routed and shared experts. V2 routes by softmax, V3 by sigmoid with a bias for the choice.
#include <cmath>
#include <string>

#include "plugins/llm/families/families.h"

namespace serval::llm {
namespace {

void read_latent(ShapeReader& read, ModelShape& shape) {
  LatentShape& latent = shape.latent;
  shape.attention = AttentionKind::latent;
  shape.rope_layout = RopeLayout::adjacent;
  shape.kv_heads = 1;
  latent.q_rank = read.integer("attention.q_lora_rank", 0, 1 << 16, 0);
  latent.kv_rank = read.integer("attention.kv_lora_rank", 1, 1 << 16);
  // Newer files describe the cached row by key_length; older ones a head.
  const bool mla = read.has("attention.key_length_mla");
  shape.head_dim = read.integer(mla ? "attention.key_length_mla" : "attention.key_length", 1, 1024);
  latent.value_dim =
      read.integer(mla ? "attention.value_length_mla" : "attention.value_length", 1, 1024);
  latent.key_dim = shape.head_dim - shape.rotary_dim;
  if (!read.status()) return;
  if (latent.key_dim < 1) return read.reject("the rotated part of a key leaves nothing else of it");
  // What the kernels of latent attention can do.
  if (latent.kv_rank % 8 != 0 || latent.kv_rank < 16 || latent.kv_rank > 2048)
    return read.refuse("a kv_lora_rank of " + std::to_string(latent.kv_rank) +
                       " (want a multiple of 8 from 16 to 2048)");
  if (shape.rotary_dim % 8 != 0 || shape.rotary_dim > 256)
    return read.refuse("a rope.dimension_count of " + std::to_string(shape.rotary_dim) +
                       " (want a multiple of 8 up to 256)");
  shape.attention_scale = 1.0f / std::sqrt(float(shape.head_dim));
}

// DeepSeek puts YaRN's magnitude m = 1 + 0.1 mscale_all_dim ln(factor) on the whole score, as m^2,
// where others multiply the rotated parts. Files hold 0.1 mscale_all_dim.
void read_magnitude(ShapeReader& read, ModelShape& shape) {
  const double multiplier = read.real("rope.scaling.yarn_log_multiplier", 0, 10, 0);
  if (multiplier == 0 || read.text("rope.scaling.type", "none") != "yarn") return;
  const double factor = read.real("rope.scaling.factor", 1, 1024, 1);
  if (!read.status()) return;
  const double magnitude = 1 + multiplier * std::log(factor);
  shape.attention_scale *= float(magnitude * magnitude);
  shape.ropes[0].magnitude /= float(yarn_magnitude(factor));
}

void read_mixture(ShapeReader& read, ModelShape& shape) {
  ExpertShape& experts = shape.experts;
  const int dense = read.integer("leading_dense_block_count", 0, shape.layers, 0);
  const int shared = read.integer("expert_shared_count", 0, 1024, 0);
  read_experts(read, shape);
  if (!read.status().ok() || experts.count == 0) return;
  experts.normalise = read.boolean("expert_weights_norm", false);
  const int64_t width = int64_t{shared} * experts.feed_forward;
  if (width > 1 << 20) return read.reject("the shared experts are impossibly wide");
  experts.shared = int(width);
  for (int i = 0; i < dense; ++i) shape.layer[std::size_t(i)].experts = false;
}

void describe(ShapeReader& read, ModelShape& shape) {
  read_latent(read, shape);
  if (read.status().ok()) read_magnitude(read, shape);
  if (read.status().ok()) read_mixture(read, shape);
}

}  // namespace

const Family kDeepseek2 = {"deepseek2", describe};

}  // namespace serval::llm
