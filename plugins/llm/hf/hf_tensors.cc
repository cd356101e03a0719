// Names of a Hugging Face model's tensors under GGUF's names.
#include <charconv>
#include <cstring>
#include <map>

#include "common/formats/quoted_name.h"
#include "kernels/pack.h"
#include "plugins/llm/hf/hf_parts.h"

namespace serval::llm {
namespace {

struct Name {
  std::string_view hf, gguf;  // without ".weight" or ".bias"
};

constexpr Name kOutside[] = {
    {"model.embed_tokens", "token_embd"}, {"model.norm", "output_norm"}, {"lm_head", "output"}};

// Behind "model.layers.N." and "blk.N.". What a family does not have it refuses itself.
constexpr Name kInLayer[] = {{"input_layernorm", "attn_norm"},
                             {"self_attn.q_proj", "attn_q"},
                             {"self_attn.k_proj", "attn_k"},
                             {"self_attn.v_proj", "attn_v"},
                             {"self_attn.o_proj", "attn_output"},
                             {"self_attn.q_norm", "attn_q_norm"},
                             {"self_attn.k_norm", "attn_k_norm"},
                             {"post_attention_layernorm", "ffn_norm"},
                             {"mlp.gate_proj", "ffn_gate"},
                             {"mlp.up_proj", "ffn_up"},
                             {"mlp.down_proj", "ffn_down"},
                             {"self_attn.q_a_proj", "attn_q_a"},
                             {"self_attn.q_a_layernorm", "attn_q_a_norm"},
                             {"self_attn.q_b_proj", "attn_q_b"},
                             {"self_attn.kv_a_proj_with_mqa", "attn_kv_a_mqa"},
                             {"self_attn.kv_a_layernorm", "attn_kv_a_norm"},
                             {"self_attn.kv_b_proj", "attn_kv_b"},
                             {"mlp.shared_experts.gate_proj", "ffn_gate_shexp"},
                             {"mlp.shared_experts.up_proj", "ffn_up_shexp"},
                             {"mlp.shared_experts.down_proj", "ffn_down_shexp"},
                             {"mlp.gate", "ffn_gate_inp"},
                             {"block_sparse_moe.gate", "ffn_gate_inp"}};

// Gemma normalises on both sides of attention and feed-forward.
constexpr Name kInGemmaLayer[] = {{"post_attention_layernorm", "post_attention_norm"},
                                  {"pre_feedforward_layernorm", "ffn_norm"},
                                  {"post_feedforward_layernorm", "post_ffw_norm"}};

// Matrices of one expert, which a GGUF file has in one stack for all of them.
constexpr std::string_view kExperts[] = {"mlp.experts.", "block_sparse_moe.experts."};
constexpr Name kInExpert[] = {{"gate_proj", "ffn_gate_exps"}, {"up_proj", "ffn_up_exps"},
                              {"down_proj", "ffn_down_exps"}, {"w1", "ffn_gate_exps"},
                              {"w3", "ffn_up_exps"},          {"w2", "ffn_down_exps"}};

// The one name without ".weight" or ".bias".
constexpr std::string_view kChoiceBias = "mlp.gate.e_score_correction_bias";

// Older files carry the angles of the rotation, which follow from the configuration.
constexpr std::string_view kDerived = "rotary_emb.inv_freq";

std::string_view find(std::span<const Name> names, std::string_view hf) {
  for (const Name& name : names)
    if (name.hf == hf) return name.gguf;
  return {};
}

// Takes "12." off the front.
bool take_number(std::string_view& text, uint32_t& number) {
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(std::size_t(end - text.data()));
  if (bad != std::errc() || !text.starts_with('.')) return false;
  text.remove_prefix(1);
  return true;
}

struct Place {
  std::string name;  // GGUF's; empty: no tensor of that name is known
  bool stacked = false;
  uint32_t expert = 0;
  int64_t layer = -1;  // outside of the layers
};

Place place_of(std::string_view hf, const HfModel& model) {
  const std::size_t dot = hf.rfind('.');
  if (dot == std::string_view::npos) return {};
  const std::string kind(hf.substr(dot));
  Place place;
  if (const std::string_view found = find(kOutside, hf.substr(0, dot)); !found.empty()) {
    place.name = std::string(found) + kind;
    return place;
  }
  constexpr std::string_view kLayers = "model.layers.";
  uint32_t layer = 0;
  if (!hf.starts_with(kLayers)) return {};
  hf.remove_prefix(kLayers.size());
  if (!take_number(hf, layer)) return {};
  place.layer = layer;
  const std::string block = "blk." + std::to_string(layer) + ".";
  if (hf == kChoiceBias) place.name = block + "exp_probs_b.bias";
  if (kind != ".weight" && kind != ".bias") return place;
  std::string_view stem = hf.substr(0, hf.rfind('.'));
  for (const std::string_view experts : kExperts) {
    if (!stem.starts_with(experts)) continue;
    stem.remove_prefix(experts.size());
    place.stacked = true;
    if (!take_number(stem, place.expert)) return place;
    if (const std::string_view found = find(kInExpert, stem); !found.empty())
      place.name = block + std::string(found) + kind;
    return place;
  }
  std::string_view found = model.gemma ? find(kInGemmaLayer, stem) : std::string_view();
  if (found.empty()) found = find(kInLayer, stem);
  if (!found.empty()) place.name = block + std::string(found) + kind;
  return place;
}

class TensorAdder {
 public:
  TensorAdder(const HfModel& model, GgufBuilder& out) : model_(model), out_(out) {}

  Status add(const Safetensor& tensor, const Place& place) {
    const Result<GgufTensorType> type = gguf_type(tensor);
    if (!type) return type.error();
    if (place.stacked) {
      // Experts come in any order, from any shard.
      if (!stacks_[place.name].emplace(place.expert, &tensor).second)
        return error(Code::data_loss, "tensor " + quoted_name(tensor.name) + " occurs twice");
      return {};
    }
    const std::vector<uint64_t> dims(tensor.shape.rbegin(), tensor.shape.rend());
    if (model_.gemma && place.name.ends_with("norm.weight"))
      return add_plus_one(place.name, *type, dims, tensor);
    return out_.tensor(place.name, *type, dims, tensor.bytes);
  }

  Status finish() {
    for (const auto& [name, experts] : stacks_) {
      const Safetensor& first = *experts.begin()->second;
      std::vector<std::span<const std::byte>> matrices;
      for (const auto& [number, tensor] : experts) {
        if (number != matrices.size() || tensor->type != first.type || tensor->shape != first.shape)
          return error(Code::data_loss, "tensor " + quoted_name(tensor->name) +
                                            " does not go with the other experts of its layer");
        matrices.push_back(tensor->bytes);
      }
      const std::vector<uint64_t> dims(first.shape.rbegin(), first.shape.rend());
      if (Status s = out_.stack(name, *gguf_type(first), dims, matrices); !s) return s;
    }
    return {};
  }

 private:
  static Result<GgufTensorType> gguf_type(const Safetensor& tensor) {
    switch (tensor.type) {
      case SafetensorsType::f32:
        return GgufTensorType::f32;
      case SafetensorsType::f16:
        return GgufTensorType::f16;
      case SafetensorsType::bf16:
        return GgufTensorType::bf16;
      default:
        return error(Code::unimplemented, "tensor " + quoted_name(tensor.name) + " has type " +
                                              std::string(safetensors_type_info(tensor.type).name) +
                                              ", want F32, F16 or BF16");
    }
  }

  // Gemma's norms multiply by 1 + w; a GGUF file holds that sum.
  Status add_plus_one(const std::string& name, GgufTensorType type,
                      const std::vector<uint64_t>& dims, const Safetensor& tensor) {
    const std::size_t count =
        tensor.bytes.size() / std::size_t(safetensors_type_info(tensor.type).bytes);
    std::vector<float> values(count);
    dequantize_row(WeightType(uint32_t(type)), tensor.bytes.data(), values.data(), int64_t(count));
    for (float& value : values) value += 1;
    const std::span<std::byte> bytes = out_.make(count * sizeof(float));
    if (count > 0) std::memcpy(bytes.data(), values.data(), bytes.size());
    return out_.tensor(name, GgufTensorType::f32, dims, bytes);
  }

  const HfModel& model_;
  GgufBuilder& out_;
  std::map<std::string, std::map<uint32_t, const Safetensor*>> stacks_;  // by name and expert
};

}  // namespace

Status add_hf_tensors(const std::vector<Safetensor>& tensors, const HfModel& model,
                      const HfWeights& weights, GgufBuilder& out) {
  TensorAdder adder(model, out);
  bool has_head = false;
  for (const Safetensor& tensor : tensors) {
    if (tensor.name.ends_with(kDerived)) continue;
    const Place place = place_of(tensor.name, model);
    if (place.layer >= weights.layers && place.layer < weights.layers + weights.draft_layers)
      continue;
    if (place.name.empty())
      return error(Code::unimplemented,
                   "tensor " + quoted_name(tensor.name) + " is of no model that is supported");
    const bool head = place.name.starts_with("output.");
    if (head && weights.tied) continue;  // the same as the embedding
    has_head = has_head || head;
    if (Status s = adder.add(tensor, place); !s) return s;
  }
  if (!weights.tied && !has_head)
    return error(Code::not_found, "no tensor \"lm_head.weight\", and tie_word_embeddings is false");
  return adder.finish();
}

}  // namespace serval::llm
