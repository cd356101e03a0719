// config.json of a Hugging Face model under the names of GGUF's metadata.
#include "plugins/llm/hf/hf_folder.h"
#include "plugins/llm/hf/hf_parts.h"

namespace serval::llm {
namespace {

constexpr HfModel kModels[] = {
    {.model_type = "llama", .architecture = "llama", .rope_halves = true},
    {.model_type = "mistral", .architecture = "llama", .rope_halves = true},
    {.model_type = "mixtral", .architecture = "llama", .rope_halves = true, .experts = true},
    {.model_type = "qwen2", .architecture = "qwen2", .window_key = "use_sliding_window"},
    {.model_type = "qwen3",
     .architecture = "qwen3",
     .window_key = "use_sliding_window",
     .own_head_dim = true},
    {.model_type = "qwen3_moe",
     .architecture = "qwen3moe",
     .window_key = "use_sliding_window",
     .experts = true},
    {.model_type = "deepseek_v2", .architecture = "deepseek2", .latent = true},
    {.model_type = "deepseek_v3", .architecture = "deepseek2", .latent = true},
    {.model_type = "gemma3_text",
     .architecture = "gemma3",
     .activation_key = "hidden_activation",
     .activation = "gelu_pytorch_tanh",
     .window_key = "",
     .own_head_dim = true,
     .tied = true,
     .gemma = true},
};

struct Field {
  const char* hf;
  const char* gguf;  // behind "<architecture>."
  bool required = false;
};

constexpr Field kIntegers[] = {
    {"num_hidden_layers", "block_count", true},
    {"hidden_size", "embedding_length", true},
    {"intermediate_size", "feed_forward_length", true},
    {"max_position_embeddings", "context_length", true},
    {"num_attention_heads", "attention.head_count", true},
    {"num_key_value_heads", "attention.head_count_kv"},
    {"head_dim", "attention.key_length"},
    {"head_dim", "attention.value_length"},
    {"head_dim", "rope.dimension_count"},
    {"num_experts", "expert_count"},
    {"num_local_experts", "expert_count"},
    {"moe_intermediate_size", "expert_feed_forward_length"},
};

// What transformers takes when config.json is silent.
constexpr double kDefaultEpsilon = 1e-6;

// Settings that would change what is computed, and that nothing here carries over.
void refuse_what_is_not_done(HfJson& config, const HfModel& model) {
  const std::string activation = config.text(model.activation_key, model.activation);
  if (activation != model.activation) config.refuse("activation \"" + activation + "\"");
  if (config.has("quantization_config")) config.refuse("quantization_config");
  if (config.real("partial_rotary_factor").value_or(1) != 1)
    config.refuse("partial_rotary_factor other than 1");
  if (model.window_key == "sliding_window" ? config.has(model.window_key)
                                           : config.boolean(model.window_key, false))
    config.refuse("sliding-window attention");
  if (config.integer("decoder_sparse_step").value_or(1) != 1 ||
      !config.integers("mlp_only_layers").empty())
    config.refuse("a model with experts in some of its layers");
  if (config.boolean("use_bidirectional_attention", false))
    config.refuse("bidirectional attention");
}

// Which layers see a window only, and how their heads are scaled.
void add_gemma(HfJson& config, const std::string& prefix, GgufBuilder& out) {
  const auto window = config.integer("sliding_window");
  if (!window) config.wrong("sliding_window", "there");
  out.add(prefix + "attention.sliding_window", window.value_or(0));
  const auto pattern = config.integer("sliding_window_pattern");
  if (pattern && !config.has("layer_types"))
    out.add(prefix + "attention.sliding_window_pattern", *pattern);
  if (const auto base = config.real("rope_local_base_freq"))
    out.add(prefix + "rope.freq_base_swa", *base);
  for (const char* cap : {"final_logit_softcapping", "attn_logit_softcapping"})
    if (const auto value = config.real(cap)) out.add(prefix + cap, *value);

  const double scalar = config.real("query_pre_attn_scalar").value_or(0);
  const auto head_dim = double(config.integer("head_dim").value_or(0));
  const auto hidden = double(config.integer("hidden_size").value_or(0));
  const auto heads = double(config.integer("num_attention_heads").value_or(1));
  // Only the largest Gemma has another scale than its head's; the family knows it by its depth.
  const bool largest = config.integer("num_hidden_layers") == 62;
  if (scalar != (largest ? hidden / heads : head_dim)) config.refuse("this query_pre_attn_scalar");
}

// layer_types names the kind of each layer.
void add_layer_types(HfJson& config, const HfModel& model, const std::string& prefix,
                     GgufBuilder& out) {
  const json::value* types = config.value("layer_types");
  if (types == nullptr) return;
  if (!types->is_array()) return config.wrong("layer_types", "a list");
  std::vector<uint8_t> sliding;
  for (const json::value& type : types->get_array()) {
    if (type != "full_attention" && type != "sliding_attention")
      return config.refuse("layer_types other than full_attention and sliding_attention");
    sliding.push_back(type == "sliding_attention");
    if (sliding.back() && !model.gemma) return config.refuse("sliding-window attention");
  }
  if (model.gemma) out.add_booleans(prefix + "attention.sliding_window_pattern", sliding);
}

}  // namespace

Result<HfModel> find_hf_model(std::string_view model_type) {
  std::string known;
  for (const HfModel& model : kModels) {
    if (model.model_type == model_type) return model;
    known += (known.empty() ? "" : ", ") + std::string(model.model_type);
  }
  return error(Code::unimplemented, "model_type \"" + std::string(model_type.substr(0, 64)) +
                                        "\" is not supported; known: " + known);
}

Status add_hf_config(HfJson& config, const HfModel& model, GgufBuilder& out) {
  const std::string prefix = std::string(model.architecture) + ".";
  refuse_what_is_not_done(config, model);
  out.add("general.architecture", model.architecture);
  if (model.rope_halves) out.add(kRopeHalvesKey, true);
  for (const Field& field : kIntegers) {
    // transformers calls the rotated part of DeepSeek's heads by this name.
    if (model.latent && std::string_view(field.hf) == "head_dim") continue;
    if (field.required && !config.has(field.hf)) config.wrong(field.hf, "there");
    if (const auto value = config.integer(field.hf)) out.add(prefix + field.gguf, *value);
  }
  if (model.own_head_dim && !config.has("head_dim")) config.wrong("head_dim", "there");
  out.add(prefix + "attention.layer_norm_rms_epsilon",
          config.real("rms_norm_eps").value_or(kDefaultEpsilon));
  if (model.experts) {
    const auto used = config.integer("num_experts_per_tok");
    if (!used) config.wrong("num_experts_per_tok", "there");
    out.add(prefix + "expert_used_count", used.value_or(0));
    // Mixtral always brings the weights of the chosen experts to a sum of 1.
    out.add(prefix + "expert_weights_norm",
            config.boolean("norm_topk_prob", model.model_type == "mixtral"));
  }
  if (model.gemma) add_gemma(config, prefix, out);
  if (model.latent) add_hf_latent(config, model, prefix, out);
  add_layer_types(config, model, prefix, out);
  const int64_t heads = config.integer("num_attention_heads").value_or(0);
  const int64_t hidden = config.integer("hidden_size").value_or(0);
  const int64_t head_dim = config.integer("head_dim").value_or(heads > 0 ? hidden / heads : 0);
  if (!config.status()) return config.status();
  return add_hf_rope(config, prefix, head_dim, out);
}

}  // namespace serval::llm
