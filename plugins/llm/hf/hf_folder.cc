#include "plugins/llm/hf/hf_folder.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "common/formats/quoted_name.h"
#include "plugins/llm/hf/hf_parts.h"

namespace serval::llm {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostConfigBytes = std::size_t(16) << 20;
constexpr std::size_t kMostShards = 4096;

Error in_folder(const fs::path& folder, Error error) {
  error.message = folder.string() + ": " + error.message;
  return error;
}

// The files of weights: those the index names, or model.safetensors, or the only one there is.
Result<std::vector<fs::path>> find_shards(const fs::path& folder) {
  const fs::path index = folder / "model.safetensors.index.json";
  std::error_code ec;
  if (fs::exists(index, ec)) {
    const Result<json::object> object = read_json_file(index, std::size_t(64) << 20);
    if (!object) return object.error();
    const json::value* map = object->if_contains("weight_map");
    std::set<std::string> names;
    if (map != nullptr && map->is_object())
      for (const auto& [tensor, file] : map->get_object())
        names.insert(file.is_string() ? std::string(file.get_string()) : std::string());
    if (names.empty() || names.size() > kMostShards)
      return error(Code::data_loss, index.string() + ": has no usable weight_map");
    std::vector<fs::path> shards;
    for (const std::string& name : names) {
      if (name.empty() || name.find('/') != name.npos || !name.ends_with(".safetensors"))
        return error(Code::data_loss, index.string() + ": " + quoted_name(name) +
                                          " is not the name of a safetensors file");
      shards.push_back(folder / name);
    }
    return shards;
  }
  if (const fs::path one = folder / "model.safetensors"; fs::exists(one, ec))
    return std::vector{one};
  std::vector<fs::path> found;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec))
    if (it->path().extension() == ".safetensors") found.push_back(it->path());
  if (ec) return error(Code::failed_precondition, folder.string() + ": " + ec.message());
  if (found.size() == 1) return found;
  return error(Code::not_found, folder.string() + ": has " + std::to_string(found.size()) +
                                    " .safetensors files and no index of them; want one, or "
                                    "model.safetensors.index.json");
}

Status add_weights(const fs::path& folder, const HfModel& model, const HfWeights& weights,
                   GgufBuilder& out) {
  const Result<std::vector<fs::path>> shards = find_shards(folder);
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
