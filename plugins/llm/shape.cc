#include "plugins/llm/shape.h"

#include <cstring>

namespace serval::llm {
namespace {

// Reads "<architecture>.<key>" values; the first error stays.
class ShapeReader {
 public:
  ShapeReader(const GgufFile& file, std::string prefix) : file_(file), prefix_(std::move(prefix)) {}

  bool has(const char* key) const { return file_.has(prefix_ + key); }

  int integer(const char* key, int low, int high, int absent = -1) {
    const std::string name = prefix_ + key;
    const Result<int64_t> value =
        absent >= 0 ? file_.integer_or(name, absent) : file_.integer(name);
    if (!value) return fail(value.error());
    if (*value < low || *value > high)
      return fail(invalid(file_.path().string() + ": " + name + " is " + std::to_string(*value) +
                          ", want " + std::to_string(low) + " to " + std::to_string(high)));
    return int(*value);
  }

  double real(const char* key, double low, double high, double absent) {
    const std::string name = prefix_ + key;
    const Result<double> value = file_.real_or(name, absent);
    if (!value) return fail(value.error());
    if (!(*value >= low && *value <= high))
      return fail(invalid(file_.path().string() + ": " + name + " is " + std::to_string(*value)));
    return *value;
  }

  int fail(const Error& error) {
    if (status_.ok()) status_ = error;
    return 0;
  }
  const Status& status() const { return status_; }

 private:
  const GgufFile& file_;
  std::string prefix_;
  Status status_;
};

Status read_rope_scaling(const GgufFile& file, const std::string& prefix, ModelShape& shape) {
  const Result<std::string_view> type = file.text_or(prefix + "rope.scaling.type", "none");
  if (!type) return type.error();
  if (*type == "linear") {
    const Result<double> factor = file.real(prefix + "rope.scaling.factor");
    if (!factor) return factor.error();
    if (!(*factor >= 1 && *factor <= 1024)) return invalid("rope.scaling.factor is out of range");
    shape.rope_factors.assign(std::size_t(shape.rotary_dim / 2), float(*factor));
  } else if (*type != "none") {
    return error(Code::unimplemented, file.path().string() + ": RoPE scaling \"" +
                                          std::string(type->substr(0, 32)) + "\" is not supported");
  }
  // Llama 3 stores the result of its scaling as one divisor a frequency.
  if (file.find_tensor("rope_freqs.weight") == nullptr) return {};
  const Result<const GgufTensor*> factors = file.tensor("rope_freqs.weight");
  if (!factors) return factors.error();
  if ((*factors)->type != GgufTensorType::f32 ||
      (*factors)->elements != uint64_t(shape.rotary_dim) / 2)
    return invalid(file.path().string() + ": rope_freqs.weight must be F32 of " +
                   std::to_string(shape.rotary_dim / 2));
  shape.rope_factors.resize(std::size_t(shape.rotary_dim / 2));
  std::memcpy(shape.rope_factors.data(), (*factors)->bytes.data(), (*factors)->bytes.size());
  for (float factor : shape.rope_factors)
    if (!(factor > 0))
      return invalid(file.path().string() + ": rope_freqs.weight has a factor <= 0");
  return {};
}

}  // namespace

Result<ModelShape> read_shape(const GgufFile& file) {
  const Result<std::string_view> architecture = file.text("general.architecture");
  if (!architecture) return architecture.error();
  const Result<Family> family = find_family(*architecture);
  if (!family)
    return error(family.error().code, file.path().string() + ": " + family.error().message);

  ModelShape shape;
  shape.family = *family;
  const std::string prefix = std::string(*architecture) + ".";
  ShapeReader read(file, prefix);
  shape.layers = read.integer("block_count", 1, 512);
  shape.hidden = read.integer("embedding_length", 16, 1 << 16);
  shape.heads = read.integer("attention.head_count", 1, 1024);
  shape.kv_heads = read.integer("attention.head_count_kv", 1, 1024, shape.heads);
  shape.feed_forward = read.integer("feed_forward_length", 1, 1 << 20);
  shape.context = read.integer("context_length", 1, 1 << 24);
  shape.rms_epsilon = float(read.real("attention.layer_norm_rms_epsilon", 0, 1, 1e-5));
  shape.rope_base = read.real("rope.freq_base", 1, 1e12, 10000.0);
  if (!read.status()) return read.status().error();

  const int even = shape.hidden / shape.heads;
  shape.head_dim = read.integer("attention.key_length", 16, 256, even);
  const int value_dim = read.integer("attention.value_length", 16, 256, shape.head_dim);
  shape.rotary_dim = read.integer("rope.dimension_count", 2, 256, shape.head_dim);
  if (!read.status()) return read.status().error();
  const auto refuse = [&](const std::string& what) {
    return error(Code::unimplemented, file.path().string() + ": " + what + " is not supported");
  };
  if (shape.heads % shape.kv_heads != 0)
    return invalid(file.path().string() + ": head_count is not a multiple of head_count_kv");
  if (value_dim != shape.head_dim) return refuse("a value length other than the key length");
  if (shape.head_dim % 8 != 0) return refuse("a head dimension that is not a multiple of 8");
  if (shape.rotary_dim > shape.head_dim || shape.rotary_dim % 2 != 0)
    return invalid(file.path().string() + ": rope.dimension_count is impossible");
  if (read.integer("expert_count", 0, 1 << 16, 0) > 0) return refuse("a mixture of experts");
  if (read.has("attention.sliding_window")) return refuse("sliding-window attention");
  const Status rope = read_rope_scaling(file, prefix, shape);
  if (!rope) return rope.error();

  const Result<const GgufTensor*> embedding = file.tensor("token_embd.weight");
  if (!embedding) return embedding.error();
  if ((*embedding)->rank != 2 || (*embedding)->dims[1] > (1u << 22))
    return invalid(file.path().string() + ": token_embd.weight has an impossible shape");
  shape.vocab = int((*embedding)->dims[1]);
  return shape;
}

}  // namespace serval::llm
