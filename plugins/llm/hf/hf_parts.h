// The parts of hf_folder.cc, one a concern. Each adds to the builder what its files say.
#pragma once

#include <string>
#include <vector>

#include "common/formats/gguf_builder.h"
#include "common/formats/safetensors.h"
#include "common/formats/hf_json.h"

namespace serval::llm {

// What is known of a model_type of config.json.
struct HfModel {
  std::string_view model_type;
  std::string_view architecture;  // of the GGUF file that this would be
  std::string_view activation_key = "hidden_act";
  std::string_view activation = "silu";            // the only one it may have
  std::string_view window_key = "sliding_window";  // if set or true: windows, which are not done
  bool rope_halves = false;                        // kRopeHalvesKey
  bool own_head_dim = false;                       // head_dim has a default of its own
  bool tied = false;     // tie_word_embeddings where config.json is silent
  bool latent = false;   // DeepSeek: latent attention, shared experts
  bool experts = false;  // routed, in every layer
  bool gemma = false;    // norms multiply by 1 + w and stand on both sides; windows are done
};

// Error: unimplemented, naming the type and those that are known.
Result<HfModel> find_hf_model(std::string_view model_type);

// Hyperparameters. Also adds the tensor rope_freqs.weight where the scaling of Llama 3 wants one.
Status add_hf_config(HfJson& config, const HfModel& model, GgufBuilder& out);

// DeepSeek's part of it.
void add_hf_latent(HfJson& config, const HfModel& model, const std::string& prefix,
                   GgufBuilder& out);

// The part of it that concerns rotary embedding, for heads of so many dimensions.
Status add_hf_rope(HfJson& config, const std::string& prefix, int64_t head_dim, GgufBuilder& out);

// Weights of all shards.
struct HfWeights {
  bool tied;             // the model has no lm_head of its own
  int64_t layers;        // those of the model; behind them come
  int64_t draft_layers;  // those that only guess further tokens, which are left out
};
Status add_hf_tensors(const std::vector<Safetensor>& tensors, const HfModel& model,
                      const HfWeights& weights, GgufBuilder& out);

// Tokenizer and chat template.
Status add_hf_tokenizer(const std::filesystem::path& folder, HfJson& config, GgufBuilder& out);

}  // namespace serval::llm
