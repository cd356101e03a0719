#include "plugins/llm/hf/hf_folder.h"

#include <algorithm>
#include <iterator>

#include "common/formats/hf_shards.h"
#include "plugins/llm/hf/hf_parts.h"

namespace serval::llm {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostConfigBytes = std::size_t(16) << 20;

Error in_folder(const fs::path& folder, Error error) {
  error.message = folder.string() + ": " + error.message;
  return error;
}

Status add_weights(const fs::path& folder, const HfModel& model, const HfWeights& weights,
                   GgufBuilder& out) {
  const Result<std::vector<fs::path>> shards = find_hf_shards(folder);
  if (!shards) return shards.error();
  std::vector<Safetensor> tensors;
  for (const fs::path& shard : *shards) {
    Result<MappedFile> file = MappedFile::open(shard);
    if (!file) return file.error();
    Result<SafetensorsFile> read = SafetensorsFile::read(shard, out.keep(shard, std::move(*file)));
    if (!read) return read.error();
    std::vector<Safetensor> found = std::move(*read).take();
    std::move(found.begin(), found.end(), std::back_inserter(tensors));
  }
  if (Status s = add_hf_tensors(tensors, model, weights, out); !s)
    return in_folder(folder, s.error());
  return {};
}

}  // namespace

bool is_hf_folder(const fs::path& folder) {
  std::error_code ec;
  return fs::is_regular_file(folder / "config.json", ec);
}

Result<GgufFile> open_hf_folder(const fs::path& folder) {
  const fs::path path = folder / "config.json";
  const Result<json::object> object = read_json_file(path, kMostConfigBytes);
  if (!object) return object.error();
  GgufBuilder out(folder);
  Result<MappedFile> file = MappedFile::open(path);
  if (!file) return file.error();
  out.keep(path, std::move(*file));  // a source, too: other numbers are another model
  HfJson config(*object, path);
  const Result<HfModel> model = find_hf_model(config.text("model_type", ""));
  if (!model) return in_folder(folder, model.error());
  if (Status s = add_hf_config(config, *model, out); !s) return s.error();
  const auto count = [&](const char* key) {
    return std::clamp<int64_t>(config.integer(key).value_or(0), 0, 1 << 20);
  };
  const HfWeights weights{config.boolean("tie_word_embeddings", model->tied),
                          count("num_hidden_layers"), count("num_nextn_predict_layers")};
  if (!config.status()) return config.status().error();
  if (Status s = add_weights(folder, *model, weights, out); !s) return s.error();
  if (Status s = add_hf_tokenizer(folder, config, out); !s) return s.error();
  return std::move(out).build();
}

}  // namespace serval::llm
