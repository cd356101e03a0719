#include "plugins/llm/rope.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <string>

#include "kernels/ops.h"

namespace serval::llm {
namespace {

// Llama 3 stores the result of its scaling as one divisor a frequency.
void read_factors(ShapeReader& read, int rotary_dim, RopeShape& rope) {
  if (read.file().find_tensor("rope_freqs.weight") == nullptr) return;
  const Result<const GgufTensor*> tensor = read.file().tensor("rope_freqs.weight");
  const auto count = std::size_t(rotary_dim / 2);
  if (!tensor || (*tensor)->type != GgufTensorType::f32 || (*tensor)->elements != count)
    return read.reject("rope_freqs.weight must be F32 of " + std::to_string(count));
  std::vector<float> factors(count);
  std::memcpy(factors.data(), (*tensor)->bytes.data(), (*tensor)->bytes.size());
  for (float factor : factors)
    if (!(factor > 0)) return read.reject("rope_freqs.weight has a factor <= 0");
  rope.factors.resize(count, 1.0f);
  for (std::size_t i = 0; i < count; ++i) rope.factors[i] *= factors[i];
}

void read_yarn(ShapeReader& read, int rotary_dim, int context, RopeShape& rope) {
  Yarn yarn;
  yarn.factor = read.real("rope.scaling.factor", 1, 1024, 1);
  yarn.original_context = read.integer("rope.scaling.original_context_length", 1, 1 << 24, context);
  yarn.beta_fast = read.real("rope.scaling.yarn_beta_fast", 1e-3, 1e6, 32);
  yarn.beta_slow = read.real("rope.scaling.yarn_beta_slow", 1e-3, 1e6, 1);
  // What a file could say instead, and says as 1 where it does not.
  read.real("rope.scaling.yarn_ext_factor", 1, 1, 1);
  read.real("rope.scaling.yarn_attn_factor", 1, 1, 1);
  const double attention = read.real("rope.scaling.attn_factor", 1e-3, 1e3, 1);
  if (!read.status()) return;
  rope.factors = yarn_factors(yarn, rope.base, rotary_dim);
  rope.magnitude = float(attention * yarn_magnitude(yarn.factor));
}

}  // namespace

// Dimension pair i turns original_context * base^(-2i/d) / (2 pi) times in the original context.
// Solved for i, that gives where the fast dimensions end and where the slow ones begin.
std::vector<float> yarn_factors(const Yarn& yarn, double base, int rotary_dim) {
  const auto dimension_of = [&](double turns) {
    return rotary_dim * std::log(yarn.original_context / (turns * 2 * std::numbers::pi)) /
           (2 * std::log(base));
  };
  const double low = std::max(std::floor(dimension_of(yarn.beta_fast)), 0.0);
  double high = std::min(std::ceil(dimension_of(yarn.beta_slow)), rotary_dim - 1.0);
  if (high <= low) high = low + 0.001;  // a step instead of a ramp
  std::vector<float> factors(std::size_t(rotary_dim / 2));
  for (std::size_t i = 0; i < factors.size(); ++i) {
    const double slow = std::clamp((double(i) - low) / (high - low), 0.0, 1.0);
    factors[i] = float(1 / (slow / yarn.factor + (1 - slow)));
  }
  return factors;
}

double yarn_magnitude(double factor) { return 0.1 * std::log(std::max(factor, 1.0)) + 1; }

RopeShape read_rope(ShapeReader& read, int rotary_dim, int context) {
  RopeShape rope;
  rope.base = read.real("rope.freq_base", 1, 1e12, 10000.0);
  const std::string_view type = read.text("rope.scaling.type", "none");
  if (type == "linear") {
    const double factor = read.real("rope.scaling.factor", 1, 1024, 1);
    rope.factors.assign(std::size_t(rotary_dim / 2), float(factor));
  } else if (type == "yarn") {
    read_yarn(read, rotary_dim, context, rope);
  } else if (type != "none") {
    read.refuse("RoPE scaling \"" + std::string(type.substr(0, 32)) + '"');
  }
  if (read.status().ok()) read_factors(read, rotary_dim, rope);
  return rope;
}

std::vector<float> rope_table(const RopeShape& rope, int positions, int rotary_dim) {
  std::vector<float> table(std::size_t(positions) * std::size_t(rotary_dim));
  build_rope_table(table.data(), positions, rotary_dim, rope.base,
                   rope.factors.empty() ? nullptr : rope.factors.data(), rope.magnitude);
  return table;
}

}  // namespace serval::llm
