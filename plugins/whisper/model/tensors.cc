#include "plugins/whisper/model/tensors.h"

#include <cmath>
#include <cstring>

#include "common/formats/ctranslate2.h"
#include "common/formats/hf_shards.h"
#include "common/formats/quoted_name.h"
#include "common/formats/safetensors.h"

namespace serval::whisper {
namespace {

std::string shape_text(const std::vector<uint64_t>& shape) {
  std::string out = "[";
  for (const uint64_t side : shape) out += (out.size() > 1 ? ", " : "") + std::to_string(side);
  return out + "]";
}

SpeechTensor from_ct2(Ct2Variable variable) {
  SpeechTensor t{ct2_type_name(variable.type), true, WeightType::f32, std::move(variable.shape),
                 variable.bytes};
  t.stored_as = std::move(variable.stored_as);
  if (variable.type == Ct2Type::f16)
    t.floats = WeightType::f16;
  else if (variable.type == Ct2Type::bf16)
    t.floats = WeightType::bf16;
  else
    t.is_float = variable.type == Ct2Type::f32;
  return t;
}

SpeechTensor from_safetensors(Safetensor tensor) {
  SpeechTensor t{std::string(safetensors_type_info(tensor.type).name), true, WeightType::f32,
                 std::move(tensor.shape), tensor.bytes};
  if (tensor.type == SafetensorsType::f16)
    t.floats = WeightType::f16;
  else if (tensor.type == SafetensorsType::bf16)
    t.floats = WeightType::bf16;
  else
    t.is_float = tensor.type == SafetensorsType::f32;
  return t;
}

}  // namespace

Result<SpeechTensors> SpeechTensors::open(const std::filesystem::path& folder) {
  SpeechTensors table;
  table.folder_ = folder;
  std::error_code ignored;
  const std::filesystem::path model = folder / "model.bin";
  if (std::filesystem::exists(model, ignored)) {
    table.ctranslate2_ = true;
    Result<MappedFile> file = MappedFile::open(model);
    if (!file) return file.error();
    table.files_.push_back(std::move(*file));
    Result<Ct2File> read = Ct2File::read(model, table.files_.back().bytes());
    if (!read) return read.error();
    if (read->spec() != "WhisperSpec")
      return error(Code::unimplemented, model.string() + ": a model of " +
                                            quoted_name(read->spec()) + ", want \"WhisperSpec\"");
    for (Ct2Variable& variable : std::move(*read).take()) {
      std::string name = variable.name;
      table.tensors_.try_emplace(std::move(name), from_ct2(std::move(variable)));
    }
    return table;
  }
  const Result<std::vector<std::filesystem::path>> shards = find_hf_shards(folder);
  if (!shards) return shards.error();
  for (const std::filesystem::path& shard : *shards) {
    Result<MappedFile> file = MappedFile::open(shard);
    if (!file) return file.error();
    table.files_.push_back(std::move(*file));
    Result<SafetensorsFile> read = SafetensorsFile::read(shard, table.files_.back().bytes());
    if (!read) return read.error();
    for (Safetensor& tensor : std::move(*read).take()) {
      const std::string name = tensor.name;
      if (!table.tensors_.try_emplace(name, from_safetensors(std::move(tensor))).second)
        return error(Code::data_loss,
                     folder.string() + ": tensor " + quoted_name(name) + " occurs twice");
    }
  }
  return table;
}

Error SpeechTensors::wrong(Code code, const std::string& name, const std::string& what) const {
  return error(code, folder_.string() + ": tensor " + quoted_name(name) + " " + what);
}

const SpeechTensor* SpeechTensors::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

Result<std::vector<uint64_t>> SpeechTensors::sides(const std::string& name,
                                                   std::size_t rank) const {
  const SpeechTensor* tensor = find(name);
  if (tensor == nullptr) return wrong(Code::not_found, name, "is missing");
  if (tensor->shape.size() != rank)
    return wrong(
        Code::invalid_argument, name,
        "has shape " + shape_text(tensor->shape) + ", want " + std::to_string(rank) + " sides");
  return tensor->shape;
}

Result<const SpeechTensor*> SpeechTensors::take(const std::string& name,
                                                const std::vector<uint64_t>& shape) {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) return wrong(Code::not_found, name, "is missing");
  SpeechTensor& tensor = found->second;
  if (tensor.shape != shape)
    return wrong(Code::invalid_argument, name,
                 "has shape " + shape_text(tensor.shape) + ", want " + shape_text(shape));
  if (!tensor.is_float)
    if (const Status scaled = take_scales(name, tensor); !scaled) return scaled.error();
  tensor.used = true;
  return &tensor;
}

// Source: CTranslate2's converter, which multiplies a row (int8) or a matrix (int16) by its scale.
// Scales have no aliases.
Status SpeechTensors::take_scales(const std::string& name, SpeechTensor& tensor) {
  const auto found = tensors_.find((tensor.stored_as.empty() ? name : tensor.stored_as) + "_scale");
  const bool whole = tensor.type == "int8" || tensor.type == "int16";
  if (!whole || tensor.shape.empty() || found == tensors_.end() || !found->second.is_float)
    return wrong(Code::unimplemented, name,
                 "has type " + tensor.type +
                     ", want 32 or 16 bit floats, or int8 or int16 and floats that scale them");
  const std::vector<uint64_t> shape =
      tensor.type == "int8" ? std::vector{tensor.shape[0]} : std::vector<uint64_t>{};
  const Result<const SpeechTensor*> scales = take(found->first, shape);
  if (!scales) return scales.error();
  tensor.scales.resize(shape.empty() ? 1 : shape[0]);
  read_floats(**scales, 0, tensor.scales.size(), tensor.scales.data());
  for (const float scale : tensor.scales)
    if (!std::isfinite(scale) || scale <= 0)
      return wrong(Code::data_loss, found->first,
                   "has a scale of " + std::to_string(scale) + ", want one above 0");
  return {};
}

Result<int> SpeechTensors::number(const std::string& name) {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) return wrong(Code::not_found, name, "is missing");
  SpeechTensor& tensor = found->second;
  if (!tensor.shape.empty() || tensor.type.compare(0, 3, "int") != 0 || tensor.bytes.size() > 4)
    return wrong(Code::invalid_argument, name, "is not a single whole number");
  tensor.used = true;
  uint32_t bits = 0;
  std::memcpy(&bits, tensor.bytes.data(), tensor.bytes.size());
  const int unused = 32 - 8 * int(tensor.bytes.size());
  return int32_t(bits << unused) >> unused;
}

Status SpeechTensors::refuse_unused() const {
  for (const auto& [name, tensor] : tensors_)
    if (!tensor.used) return wrong(Code::unimplemented, name, "is not of the Whisper architecture");
  return {};
}

namespace {

template <class T>
void read_scaled(const SpeechTensor& tensor, std::size_t first, std::size_t count, float* out) {
  const std::size_t rows = tensor.scales.size();
  const std::size_t row = tensor.bytes.size() / sizeof(T) / rows;
  for (std::size_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, tensor.bytes.data() + (first + i) * sizeof(T), sizeof(T));
    out[i] = float(value) / tensor.scales[(first + i) / row];
  }
}

}  // namespace

void read_floats(const SpeechTensor& tensor, std::size_t first, std::size_t count, float* out) {
  if (tensor.type == "int8") return read_scaled<int8_t>(tensor, first, count, out);
  if (tensor.type == "int16") return read_scaled<int16_t>(tensor, first, count, out);
  const std::size_t size = tensor.floats == WeightType::f32 ? 4 : 2;
  dequantize_row(tensor.floats, tensor.bytes.data() + first * size, out, int64_t(count));
}

}  // namespace serval::whisper
