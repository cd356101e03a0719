#include "plugins/bei/hf/tensor_table.h"

#include <algorithm>
#include <cstring>

#include "common/formats/hf_shards.h"
#include "common/formats/quoted_name.h"
#include "kernels/pack.h"

namespace serval::bei {
namespace {

std::string shape_text(const std::vector<uint64_t>& shape) {
  std::string out = "[";
  for (const uint64_t side : shape) out += (out.size() > 1 ? ", " : "") + std::to_string(side);
  return out + "]";
}

bool is_float(SafetensorsType type) {
  return type == SafetensorsType::f32 || type == SafetensorsType::f16 ||
         type == SafetensorsType::bf16;
}

}  // namespace

Result<TensorTable> TensorTable::open(const std::filesystem::path& folder) {
  const Result<std::vector<std::filesystem::path>> shards = find_hf_shards(folder);
  if (!shards) return shards.error();
  TensorTable table;
  table.folder_ = folder;
  for (const std::filesystem::path& shard : *shards) {
    Result<MappedFile> file = MappedFile::open(shard);
    if (!file) return file.error();
    table.files_.push_back(std::move(*file));
    Result<SafetensorsFile> read = SafetensorsFile::read(shard, table.files_.back().bytes());
    if (!read) return read.error();
    for (Safetensor& tensor : std::move(*read).take()) {
      std::string name = tensor.name;
      if (!table.tensors_.try_emplace(name, Entry{std::move(tensor)}).second)
        return error(Code::data_loss,
                     folder.string() + ": tensor " + quoted_name(name) + " occurs twice");
    }
  }
  return table;
}

const Safetensor* TensorTable::find(std::string_view name) const {
  const auto found = tensors_.find(std::string(name));
  return found == tensors_.end() ? nullptr : &found->second.tensor;
}

Result<const Safetensor*> TensorTable::take(const std::string& name,
                                            const std::vector<uint64_t>& shape) {
  const auto in_folder = [&](Code code, const std::string& what) {
    return error(code, folder_.string() + ": tensor " + quoted_name(name) + " " + what);
  };
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) return in_folder(Code::not_found, "is missing");
  const Safetensor& tensor = found->second.tensor;
  if (tensor.shape != shape)
    return in_folder(Code::invalid_argument,
                     "has shape " + shape_text(tensor.shape) + ", want " + shape_text(shape));
  if (!is_float(tensor.type))
    return in_folder(Code::unimplemented, "has type " +
                                              std::string(safetensors_type_info(tensor.type).name) +
                                              ", want F32, F16 or BF16");
  found->second.used = true;
  return &tensor;
}

Status TensorTable::refuse_unused(const std::vector<std::string>& ignored) const {
  for (const auto& [name, entry] : tensors_) {
    if (entry.used || std::any_of(ignored.begin(), ignored.end(), [&](const std::string& start) {
          return std::string_view(name).starts_with(start);
        }))
      continue;
    return error(Code::unimplemented, folder_.string() + ": tensor " + quoted_name(name) +
                                          " is not of the architecture known by that name");
  }
  return {};
}

void read_floats(const Safetensor& tensor, std::size_t first, std::size_t count, float* out) {
  const bool wide = tensor.type == SafetensorsType::f32;
  const std::byte* from = tensor.bytes.data() + first * (wide ? 4 : 2);
  const WeightType type = wide                                  ? WeightType::f32
                          : tensor.type == SafetensorsType::f16 ? WeightType::f16
                                                                : WeightType::bf16;
  dequantize_row(type, from, out, int64_t(count));
}

}  // namespace serval::bei
