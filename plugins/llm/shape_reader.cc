#include "plugins/llm/shape_reader.h"

#include <algorithm>

namespace serval::llm {
namespace {

// Keys of GGUF files that change what a model computes. (What only describes the file, such as
// vocab_size or rope.scaling.finetuned, is not among them.)
constexpr std::string_view kDecisive[] = {
    "attention.causal",
    "attention.clamp_kqv",
    "attention.kv_lora_rank",
    "attention.max_alibi_bias",
    "attention.output_scale",
    "attention.q_lora_rank",
    "attention.scale",
    "attention.sliding_window",
    "attention.temperature_scale",
    "attn_logit_softcapping",
    "embedding_scale",
    "expert_count",
    "expert_group_count",
    "expert_shared_count",
    "expert_weights_scale",
    "final_logit_softcapping",
    "leading_dense_block_count",
    "logit_scale",
    "nextn_predict_layers",
    "residual_scale",
    "rope.dimension_sections",
    "rope.freq_base_swa",
    "rope.scale_linear",
    "rope.scaling.alpha",
    "rope.scaling.yarn_log_multiplier",
    "swin_norm",
    "use_parallel_residual",
};

}  // namespace

std::string ShapeReader::name(std::string_view key) {
  asked_.emplace_back(key);
  return prefix_ + std::string(key);
}

int ShapeReader::fail(const Error& error) {
  if (status_.ok()) status_ = error;
  return 0;
}

void ShapeReader::refuse(const std::string& what) {
  fail(error(Code::unimplemented, file_.path().string() + ": " + what + " is not supported"));
}

void ShapeReader::reject(const std::string& what) {
  fail(invalid(file_.path().string() + ": " + what));
}

int ShapeReader::integer(std::string_view key, int low, int high, int absent) {
  const std::string full = name(key);
  const Result<int64_t> value = absent >= 0 ? file_.integer_or(full, absent) : file_.integer(full);
  if (!value) return fail(value.error());
  if (*value < low || *value > high) {
    reject(full + " is " + std::to_string(*value) + ", want " + std::to_string(low) + " to " +
           std::to_string(high));
    return 0;
  }
  return int(*value);
}

double ShapeReader::real(std::string_view key, double low, double high, double absent) {
  const std::string full = name(key);
  const Result<double> value = file_.real_or(full, absent);
  if (!value) return fail(value.error());
  if (!(*value >= low && *value <= high)) {
    reject(full + " is " + std::to_string(*value) + ", want " + std::to_string(low) + " to " +
           std::to_string(high));
    return 0;
  }
  return *value;
}

bool ShapeReader::boolean(std::string_view key, bool absent) {
  const Result<bool> value = file_.boolean_or(name(key), absent);
  return value ? *value : fail(value.error()) != 0;
}

std::string_view ShapeReader::text(std::string_view key, std::string_view absent) {
  const Result<std::string_view> value = file_.text_or(name(key), absent);
  if (value) return *value;
  fail(value.error());
  return absent;
}

bool ShapeReader::has(std::string_view key) { return file_.has(name(key)); }

bool ShapeReader::is_array(std::string_view key) {
  const GgufEntry* entry = file_.entry(name(key));
  return entry != nullptr && entry->type == GgufValueType::array;
}

std::vector<bool> ShapeReader::booleans(std::string_view key) {
  Result<std::vector<bool>> values = file_.booleans(name(key));
  if (values) return std::move(*values);
  fail(values.error());
  return {};
}

void ShapeReader::refuse_unread() {
  for (const std::string_view key : kDecisive) {
    const std::string full = prefix_ + std::string(key);
    if (std::find(asked_.begin(), asked_.end(), key) != asked_.end() || !file_.has(full)) continue;
    const Result<double> value = file_.real(full);
    if (value && *value == 0) continue;  // switched off
    return refuse(full);
  }
}

}  // namespace serval::llm
