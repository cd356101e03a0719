#include "common/formats/hf_shards.h"

#include <set>
#include <string>

#include "common/formats/hf_json.h"
#include "common/formats/quoted_name.h"

namespace serval {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostShards = 4096;

}  // namespace

Result<std::vector<fs::path>> find_hf_shards(const fs::path& folder) {
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

}  // namespace serval
