#include <algorithm>
#include <charconv>

#include "common/formats/quoted_name.h"
#include "plugins/bei/families/family.h"

namespace serval::bei {
namespace {

constexpr Family kFamilies[] = {
    {"bert", describe_bert},
    {"roberta", describe_roberta},
    {"xlm-roberta", describe_roberta},
    {"mpnet", describe_mpnet},
    {"distilbert", describe_distilbert},
    {"modernbert", describe_modernbert},
    {"nomic_bert", describe_nomic_bert},
    {"qwen2", describe_qwen2},
    {"qwen3", describe_qwen3},
};

constexpr int kMostLabels = 4096;

std::string known_types() {
  std::string out;
  for (const Family& family : kFamilies)
    out += (out.empty() ? "" : ", ") + std::string(family.model_type);
  return out;
}

// The class the weights were saved from, "BertModel"; empty if config.json does not tell.
std::string saved_class(HfJson& config) {
  const json::value* classes = config.value("architectures");
  if (classes == nullptr || !classes->is_array() || classes->get_array().empty() ||
      !classes->get_array()[0].is_string())
    return {};
  return std::string(classes->get_array()[0].get_string());
}

Task task_of(HfJson& config, const std::string& saved) {
  if (saved.ends_with("ForSequenceClassification")) return Task::sequence;
  if (saved.ends_with("ForTokenClassification")) return Task::token;
  if (!saved.empty() && !saved.ends_with("Model") && !saved.ends_with("ForMaskedLM") &&
      !saved.ends_with("ForPreTraining") && !saved.ends_with("ForCausalLM"))
    config.refuse("architecture " + quoted_name(saved));
  return Task::embed;
}

// Labels in the order of their numbers.
std::vector<std::string> read_labels(FamilyReader& reader) {
  std::vector<std::string> labels;
  const json::value* names = reader.config.value("id2label");
  if (names == nullptr) {
    labels.resize(std::size_t(reader.size("num_labels", kMostLabels, 2)));
    for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = "LABEL_" + std::to_string(i);
    return labels;
  }
  if (!names->is_object() || names->get_object().empty() ||
      names->get_object().size() > kMostLabels) {
    reader.config.wrong("id2label", "an object of 1 to 4096 labels by number");
    return {};
  }
  labels.resize(names->get_object().size());
  std::vector<bool> seen(labels.size());
  for (const auto& [key, name] : names->get_object()) {
    std::size_t at = labels.size();
    std::from_chars(key.data(), key.data() + key.size(), at);
    if (at >= labels.size() || seen[at] || !name.is_string()) {
      reader.config.wrong("id2label", "an object of labels by numbers from 0 on");
      return {};
    }
    seen[at] = true;
    labels[at] = std::string(name.get_string());
  }
  return labels;
}

// Labels, and what kind of scores a sequence's logits are.
void read_classes(FamilyReader& reader, ModelDescription& model) {
  if (reader.task == Task::embed) return;
  model.labels = read_labels(reader);
  if (reader.task == Task::token) return;
  const std::string problem = reader.config.text("problem_type", "");
  model.multi_label = problem == "multi_label_classification";
  // One logit is a score: of a pair where an encoder reads both, of a text where a decoder does.
  if (model.labels.size() == 1)
    model.task = model.architecture.causal ? Task::reward : Task::rerank;
  else if (problem == "regression")
    reader.config.refuse("problem_type \"regression\" with several labels");
}

void check_shape(HfJson& config, const Architecture& a) {
  if (a.heads > 0 && a.kv_heads > 0 && a.heads % a.kv_heads != 0)
    config.wrong("num_key_value_heads", "a divisor of num_attention_heads");
  if (a.head_dim % 8 != 0 || a.head_dim > 512)
    config.refuse("a head of " + std::to_string(a.head_dim) +
                  " dimensions (want a multiple of 8 up to 512)");
}

}  // namespace

int FamilyReader::size(std::string_view key, int64_t most, int64_t absent) {
  const int64_t value = config.integer(key).value_or(absent);
  if (value < 1 || value > most) {
    config.wrong(key, "a whole number above 0 and not absurd");
    return 1;
  }
  return int(value);
}

double FamilyReader::positive(std::string_view key, double absent) {
  const double value = config.real(key).value_or(absent);
  if (value > 0 && value < 1e12) return value;
  config.wrong(key, "a number above 0");
  return 1;
}

float FamilyReader::epsilon(std::string_view key, double absent) {
  return float(positive(key, absent));
}

Activation FamilyReader::activation(std::string_view key, std::string_view absent) {
  const std::string name = config.text(key, absent);
  if (name == "gelu") return Activation::gelu_erf;
  if (name == "gelu_new" || name == "gelu_pytorch_tanh") return Activation::gelu_tanh;
  if (name == "relu") return Activation::relu;
  if (name == "silu" || name == "swish") return Activation::silu;
  if (name == "tanh") return Activation::tanh;
  config.refuse(std::string(key) + " " + quoted_name(name));
  return Activation::none;
}

void FamilyReader::only_text(std::string_view key, std::string_view plain) {
  const std::string value = config.text(key, plain);
  if (value != plain) config.refuse(std::string(key) + " " + quoted_name(value));
}

void FamilyReader::only_false(std::string_view key) {
  if (config.boolean(key, false)) config.refuse(std::string(key));
}

void FamilyReader::only_null(std::string_view key) {
  if (config.has(key)) config.refuse(std::string(key));
}

std::string FamilyReader::prefix(std::string_view prefix, std::string_view tensor) const {
  std::string with(prefix);
  return tensors.has(with + std::string(tensor)) ? with : std::string();
}

NormNames norm_names(const std::string& module, bool bias) {
  return {module + ".weight", bias ? module + ".bias" : ""};
}

DenseNames dense_names(const std::vector<std::string>& modules, bool bias) {
  DenseNames names;
  for (const std::string& module : modules) {
    names.weight.push_back(module + ".weight");
    if (bias) names.bias.push_back(module + ".bias");
  }
  return names;
}

Result<ModelDescription> describe_model(HfJson& config, const TensorTable& tensors) {
  const std::string type = config.text("model_type", "");
  const auto family = std::find_if(std::begin(kFamilies), std::end(kFamilies),
                                   [&](const Family& f) { return f.model_type == type; });
  if (family == std::end(kFamilies)) {
    config.refuse("model_type " + quoted_name(type) + " (known: " + known_types() + ")");
    return config.status().error();
  }
  const std::string saved = saved_class(config);
  FamilyReader reader{config, tensors, task_of(config, saved),
                      saved.ends_with("ForMaskedLM") || saved.ends_with("ForPreTraining")};
  if (!config.status()) return config.status().error();
  ModelDescription model = family->describe(reader);
  model.architecture.family = type;
  model.task = reader.task;
  // A model saved without the head that it was trained with.
  if (const DenseNames& dense = model.masked_words.dense;
      !dense.weight.empty() && !tensors.has(dense.weight[0]))
    model.masked_words = {};
  read_classes(reader, model);
  check_shape(config, model.architecture);
  if (!config.status()) return config.status().error();
  return model;
}

}  // namespace serval::bei
