#include "plugins/bei/hf/model_folder.h"

#include <algorithm>

#include "common/formats/hf_json.h"
#include "plugins/bei/families/family.h"

namespace serval::bei {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostConfigBytes = std::size_t(16) << 20;

// model_max_length of tokenizer_config.json; 0 if it does not say. Libraries write a huge number
// for "no limit".
Result<int64_t> tokenizer_limit(const fs::path& folder) {
  const fs::path path = folder / "tokenizer_config.json";
  std::error_code ec;
  if (!fs::is_regular_file(path, ec)) return int64_t(0);
  const Result<json::object> object = read_json_file(path, kMostConfigBytes);
  if (!object) return object.error();
  HfJson config(*object, path);
  const double limit =
      config.has("model_max_length") && config.value("model_max_length")->is_number()
          ? config.value("model_max_length")->to_number<double>()
          : 0;
  return limit >= 1 && limit < (1 << 24) ? int64_t(limit) : 0;
}

}  // namespace

Result<ModelFolder> open_model_folder(const fs::path& path, int wanted_tokens) {
  std::error_code ec;
  if (!fs::is_directory(path, ec))
    return error(Code::not_found, path.string() + ": want a folder with config.json and weights");
  Result<SentenceModules> modules = read_sentence_modules(path);
  if (!modules) return modules.error();
  const fs::path folder = modules->transformer;
  const Result<json::object> object = read_json_file(folder / "config.json", kMostConfigBytes);
  if (!object) return object.error();
  Result<TensorTable> tensors = TensorTable::open(folder);
  if (!tensors) return tensors.error();
  HfJson config(*object, folder / "config.json");
  Result<ModelDescription> description = describe_model(config, *tensors);
  if (!description) return description.error();
  if (description->task == Task::embed && modules->pooling)
    description->pooling = *modules->pooling;
  else if (description->task == Task::embed && description->architecture.causal)
    return error(Code::unimplemented, path.string() +
                                          ": is a language model; a decoder that embeds has a "
                                          "modules.json with its pooling");
  const Result<int64_t> named = tokenizer_limit(folder);
  if (!named) return named.error();

  ModelFolder out{std::move(*modules), std::move(*tensors), std::move(*description), 0, 0};
  const int most = out.description.architecture.max_positions;
  if (wanted_tokens > most)
    return invalid("max_input_tokens is " + std::to_string(wanted_tokens) +
                       "; the model has positions for " + std::to_string(most),
                   "max_input_tokens");
  int64_t limit = most;
  if (*named > 0) limit = std::min<int64_t>(limit, *named);
  if (out.modules.max_tokens > 0) limit = std::min<int64_t>(limit, out.modules.max_tokens);
  out.max_tokens = wanted_tokens > 0 ? wanted_tokens : int(limit);
  const auto size = fs::file_size(folder / "tokenizer.json", ec);
  out.tokenizer_bytes = ec ? 0 : std::size_t(size);
  return out;
}

}  // namespace serval::bei
