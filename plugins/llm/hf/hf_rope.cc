// Rotary embedding of a Hugging Face model under the names of GGUF's metadata.
#include <cmath>
#include <cstring>
#include <numbers>

#include "plugins/llm/hf/hf_parts.h"
#include "plugins/llm/rope.h"

namespace serval::llm {
namespace {

// What transformers takes for a Llama whose config.json is silent; other models always say it.
constexpr double kDefaultRopeBase = 10000;

// Llama 3's scaling as one divisor a frequency: long waves are stretched by `factor`, short ones
// are left, and those between are blended.
Status add_llama3_factors(HfJson& rope, double base, int64_t rotary_dim, GgufBuilder& out) {
  const double factor = rope.real("factor").value_or(0);
  const double low = rope.real("low_freq_factor").value_or(0);
  const double high = rope.real("high_freq_factor").value_or(0);
  const double original = rope.real("original_max_position_embeddings").value_or(0);
  if (!rope.status()) return rope.status();
  if (!(factor >= 1 && low > 0 && high > low && original > 0))
    return invalid(rope.path().string() + ": rope_scaling of type llama3 is incomplete");
  if (rotary_dim < 2 || rotary_dim > 1024) return invalid(rope.path().string() + ": bad head_dim");
  const auto count = uint64_t(rotary_dim / 2);
  const std::span<std::byte> bytes = out.make(count * sizeof(float));
  for (uint64_t i = 0; i < count; ++i) {
    const double wave = 2 * std::numbers::pi * std::pow(base, 2.0 * double(i) / double(rotary_dim));
    double divisor = 1;
    if (wave > original / low) {
      divisor = factor;
    } else if (wave >= original / high) {
      const double kept = (original / wave - low) / (high - low);
      divisor = 1 / ((1 - kept) / factor + kept);
    }
    const float value = float(divisor);
    std::memcpy(bytes.data() + i * sizeof value, &value, sizeof value);
  }
  return out.tensor("rope_freqs.weight", GgufTensorType::f32, {&count, 1}, bytes);
}

Status add_yarn(HfJson& rope, double factor, const std::string& prefix, GgufBuilder& out) {
  // DeepSeek scales the whole score. Two different factors would leave one for the rotated part.
  const double all = rope.real("mscale_all_dim").value_or(0);
  if (rope.real("mscale").value_or(all) != all || (all != 0 && prefix != "deepseek2."))
    rope.refuse("YaRN with this mscale");
  if (all != 0) out.add(prefix + "rope.scaling.yarn_log_multiplier", 0.1 * all);
  if (!rope.boolean("truncate", true)) rope.refuse("YaRN without truncate");
  if (const auto original = rope.integer("original_max_position_embeddings"))
    out.add(prefix + "rope.scaling.original_context_length", *original);
  out.add(prefix + "rope.scaling.yarn_beta_fast", rope.real("beta_fast").value_or(32));
  out.add(prefix + "rope.scaling.yarn_beta_slow", rope.real("beta_slow").value_or(1));
  // A GGUF file says how the factor on queries and keys differs from the usual one.
  if (const auto attention = rope.real("attention_factor"))
    out.add(prefix + "rope.scaling.attn_factor", *attention / yarn_magnitude(factor));
  return rope.status();
}

}  // namespace

// rope_theta and rope_scaling, or both in rope_parameters as newer versions write it.
Status add_hf_rope(HfJson& config, const std::string& prefix, int64_t head_dim, GgufBuilder& out) {
  const json::value* scaling = config.value("rope_parameters");
  if (scaling == nullptr) scaling = config.value("rope_scaling");
  static const json::object kNone;
  if (scaling != nullptr && !scaling->is_object()) config.wrong("rope_scaling", "an object");
  HfJson rope(scaling != nullptr && scaling->is_object() ? scaling->get_object() : kNone,
              config.path());
  const bool silent = !rope.has("rope_theta") && !config.has("rope_theta");
  if (silent && prefix != "llama.") config.wrong("rope_theta", "there");
  const double base =
      rope.real("rope_theta").value_or(config.real("rope_theta").value_or(kDefaultRopeBase));
  const std::string type = rope.text("rope_type", rope.text("type", "default"));
  const double factor = rope.real("factor").value_or(0);
  if (!rope.status()) return rope.status();
  if (!(base >= 1 && base <= 1e12)) config.wrong("rope_theta", "1 to 1e12");
  if (!config.status()) return config.status();
  out.add(prefix + "rope.freq_base", base);
  if (type == "default") return {};
  if (type == "llama3") return add_llama3_factors(rope, base, head_dim, out);
  if (type != "linear" && type != "yarn") {
    config.refuse("RoPE scaling \"" + type.substr(0, 32) + "\"");
    return config.status();
  }
  if (!(factor >= 1)) return invalid(config.path().string() + ": rope_scaling needs a factor");
  out.add(prefix + "rope.scaling.type", std::string_view(type));
  out.add(prefix + "rope.scaling.factor", factor);
  return type == "yarn" ? add_yarn(rope, factor, prefix, out) : Status();
}

}  // namespace serval::llm
