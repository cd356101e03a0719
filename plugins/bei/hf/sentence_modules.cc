#include "plugins/bei/hf/sentence_modules.h"

#include "common/formats/hf_json.h"
#include "common/formats/quoted_name.h"

namespace serval::bei {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostBytes = std::size_t(1) << 20;
constexpr std::size_t kMostModules = 16;

bool has_file(const fs::path& path) {
  std::error_code ec;
  return fs::is_regular_file(path, ec);
}

// The file as an object; none if there is no such file.
Result<std::optional<json::object>> read_optional(const fs::path& path) {
  if (!has_file(path)) return std::optional<json::object>();
  Result<json::object> object = read_json_file(path, kMostBytes);
  if (!object) return object.error();
  return std::optional(std::move(*object));
}

struct Module {
  std::string type;  // without the package, "Pooling"
  fs::path folder;
};

Result<std::vector<Module>> read_modules(const fs::path& folder) {
  const fs::path path = folder / "modules.json";
  const Result<MappedFile> file = MappedFile::open(path);
  if (!file) return file.error();
  const auto damaged = [&](const std::string& what) {
    return error(Code::data_loss, path.string() + ": " + what);
  };
  const auto bytes = file->bytes();
  if (bytes.size() > kMostBytes) return damaged("is too large");
  const Result<json::value> parsed =
      parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (!parsed) return damaged(parsed.error().message);
  if (!parsed->is_array() || parsed->get_array().size() > kMostModules)
    return damaged("is not a list of at most " + std::to_string(kMostModules) + " modules");
  std::vector<Module> modules;
  for (const json::value& entry : parsed->get_array()) {
    if (!entry.is_object()) return damaged("has a module that is no object");
    HfJson module(entry.get_object(), path);
    const std::string type = module.text("type", ""), place = module.text("path", "");
    if (!module.status()) return module.status().error();
    if (place.find("..") != std::string::npos || place.starts_with('/'))
      return damaged("path " + quoted_name(place) + " leaves the folder");
    modules.push_back({type.substr(type.rfind('.') + 1), place.empty() ? folder : folder / place});
  }
  return modules;
}

Status read_pooling(const fs::path& folder, SentenceModules& out) {
  const fs::path path = folder / "config.json";
  const Result<json::object> object = read_json_file(path, kMostBytes);
  if (!object) return object.error();
  HfJson config(*object, path);
  constexpr std::pair<const char*, Pooling> kModes[] = {{"pooling_mode_cls_token", Pooling::cls},
                                                        {"pooling_mode_mean_tokens", Pooling::mean},
                                                        {"pooling_mode_max_tokens", Pooling::max},
                                                        {"pooling_mode_lasttoken", Pooling::last}};
  int modes = 0;
  for (const auto& [key, pooling] : kModes) {
    if (!config.boolean(key, false)) continue;
    out.pooling = pooling;
    ++modes;
  }
  for (const char* key : {"pooling_mode_mean_sqrt_len_tokens", "pooling_mode_weightedmean_tokens"})
    if (config.boolean(key, false)) config.refuse(key);
  if (!config.boolean("include_prompt", true)) config.refuse("include_prompt false");
  if (config.status() && modes != 1)
    config.refuse("a vector made of " + std::to_string(modes) + " kinds of pooling");
  return config.status();
}

Status read_dense(const fs::path& folder, SentenceModules& out) {
  const fs::path path = folder / "config.json";
  const Result<json::object> object = read_json_file(path, kMostBytes);
  if (!object) return object.error();
  HfJson config(*object, path);
  DenseModule dense{folder, int(config.integer("in_features").value_or(0)),
                    int(config.integer("out_features").value_or(0)), config.boolean("bias", true),
                    Activation::tanh};
  constexpr int kMostWidth = 1 << 16;
  if (dense.in < 1 || dense.in > kMostWidth || dense.out < 1 || dense.out > kMostWidth)
    config.wrong("in_features and out_features", "from 1 to 65536");
  const std::string activation =
      config.text("activation_function", "torch.nn.modules.activation.Tanh");
  constexpr std::pair<std::string_view, Activation> kKnown[] = {{"Tanh", Activation::tanh},
                                                                {"Identity", Activation::none},
                                                                {"GELU", Activation::gelu_erf},
                                                                {"ReLU", Activation::relu},
                                                                {"SiLU", Activation::silu}};
  const std::string name = activation.substr(activation.rfind('.') + 1);
  bool known = false;
  for (const auto& [text, value] : kKnown) {
    if (name != text) continue;
    dense.activation = value;
    known = true;
  }
  if (!known) config.refuse("activation_function " + quoted_name(activation));
  if (config.status()) out.dense.push_back(std::move(dense));
  return config.status();
}

Status add_module(const Module& module, SentenceModules& out) {
  const auto refuse = [&](const std::string& what) {
    return error(Code::unimplemented, module.folder.string() + ": " + what + " is not supported");
  };
  if (module.type == "Pooling") {
    if (out.pooling) return refuse("a second pooling module");
    return read_pooling(module.folder, out);
  }
  if (!out.pooling) return refuse("module " + quoted_name(module.type) + " before the pooling");
  if (module.type == "Normalize") {
    out.normalize = true;
    return {};
  }
  if (module.type != "Dense") return refuse("module " + quoted_name(module.type));
  if (out.normalize) return refuse("a dense module behind the normalisation");
  return read_dense(module.folder, out);
}

Status read_limits(SentenceModules& out) {
  const fs::path path = out.transformer / "sentence_bert_config.json";
  const Result<std::optional<json::object>> object = read_optional(path);
  if (!object) return object.error();
  if (!object->has_value()) return {};
  HfJson config(**object, path);
  if (config.boolean("do_lower_case", false)) config.refuse("do_lower_case");
  out.max_tokens =
      int(std::clamp<int64_t>(config.integer("max_seq_length").value_or(0), 0, 1 << 24));
  return config.status();
}

Status read_prompts(const fs::path& folder, SentenceModules& out) {
  const fs::path path = folder / "config_sentence_transformers.json";
  const Result<std::optional<json::object>> object = read_optional(path);
  if (!object) return object.error();
  if (!object->has_value()) return {};
  HfJson config(**object, path);
  out.similarity = config.text("similarity_fn_name", "cosine");
  out.default_prompt = config.text("default_prompt_name", "");
  if (const json::value* prompts = config.value("prompts")) {
    if (!prompts->is_object()) config.wrong("prompts", "an object of texts");
    if (prompts->is_object())
      for (const auto& [name, text] : prompts->get_object()) {
        if (!text.is_string())
          config.wrong("prompts", "an object of texts");
        else
          out.prompts[std::string(name)] = std::string(text.get_string());
      }
  }
  if (config.status() && !out.default_prompt.empty() && !out.prompts.contains(out.default_prompt))
    config.wrong("default_prompt_name", "a name of prompts");
  return config.status();
}

}  // namespace

Result<SentenceModules> read_sentence_modules(const fs::path& folder) {
  SentenceModules out;
  out.transformer = folder;
  if (has_file(folder / "modules.json")) {
    const Result<std::vector<Module>> modules = read_modules(folder);
    if (!modules) return modules.error();
    if (modules->empty() || modules->front().type != "Transformer")
      return error(
          Code::unimplemented,
          folder.string() + ": modules.json begins with another module than a Transformer");
    out.transformer = modules->front().folder;
    for (std::size_t i = 1; i < modules->size(); ++i)
      if (const Status status = add_module((*modules)[i], out); !status) return status.error();
  }
  if (const Status status = read_limits(out); !status) return status.error();
  if (const Status status = read_prompts(folder, out); !status) return status.error();
  return out;
}

}  // namespace serval::bei
