// What config.json of DeepSeek V2 and V3 says beside the rest. The keys are those of a GGUF file
// with the projections to keys and values in one tensor.
#include "plugins/llm/hf/hf_parts.h"

namespace serval::llm {
namespace {

constexpr int64_t kSoftmax = 1, kSigmoid = 2;  // expert_gating_func

void add_attention(HfJson& config, const std::string& prefix, GgufBuilder& out) {
  const auto need = [&](const char* key) {
    const auto value = config.integer(key);
    if (!value || *value < 0 || *value > 1 << 20) config.wrong(key, "a length");
    return value.value_or(0);
  };
  const int64_t rotated = need("qk_rope_head_dim");
  out.add(prefix + "attention.key_length", need("qk_nope_head_dim") + rotated);
  out.add(prefix + "attention.value_length", need("v_head_dim"));
  out.add(prefix + "rope.dimension_count", rotated);
  out.add(prefix + "attention.kv_lora_rank", need("kv_lora_rank"));
  if (config.has("q_lora_rank")) out.add(prefix + "attention.q_lora_rank", need("q_lora_rank"));
  if (!config.boolean("rope_interleave", true)) config.refuse("rope_interleave false");
}

void add_experts(HfJson& config, bool v3, const std::string& prefix, GgufBuilder& out) {
  struct Field {
    const char *hf, *gguf;
  };
  constexpr Field kFields[] = {{"first_k_dense_replace", "leading_dense_block_count"},
                               {"n_routed_experts", "expert_count"},
                               {"num_experts_per_tok", "expert_used_count"},
                               {"n_shared_experts", "expert_shared_count"}};
  for (const Field& field : kFields)
    if (const auto value = config.integer(field.hf)) out.add(prefix + field.gguf, *value);
  out.add(prefix + "expert_weights_scale", config.real("routed_scaling_factor").value_or(1));
  out.add(prefix + "expert_weights_norm", config.boolean("norm_topk_prob", v3));
  out.add(prefix + "expert_gating_func", v3 ? kSigmoid : kSoftmax);
  const std::string scoring = v3 ? "sigmoid" : "softmax";
  if (config.text("scoring_func", scoring) != scoring) config.refuse("this scoring_func");
  if (config.integer("moe_layer_freq").value_or(1) != 1)
    config.refuse("moe_layer_freq other than 1");

  const std::string method = config.text("topk_method", v3 ? "noaux_tc" : "greedy");
  if (method == "greedy" && !v3) return;
  if (method != (v3 ? "noaux_tc" : "group_limited_greedy"))
    return config.refuse("topk_method \"" + method + "\"");
  out.add(prefix + "expert_group_count", config.integer("n_group").value_or(1));
  out.add(prefix + "expert_group_used_count", config.integer("topk_group").value_or(1));
}

}  // namespace

void add_hf_latent(HfJson& config, const HfModel& model, const std::string& prefix,
                   GgufBuilder& out) {
  add_attention(config, prefix, out);
  add_experts(config, model.model_type == "deepseek_v3", prefix, out);
}

}  // namespace serval::llm
