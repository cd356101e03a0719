#include "common/formats/safetensors.h"

#include <algorithm>
#include <limits>

#include "common/formats/byte_reader.h"
#include "common/formats/quoted_name.h"
#include "common/json.h"

namespace serval {
namespace {

constexpr SafetensorsTypeInfo kTypes[] = {
    {SafetensorsType::boolean, "BOOL", 1},    {SafetensorsType::u8, "U8", 1},
    {SafetensorsType::i8, "I8", 1},           {SafetensorsType::f8_e4m3, "F8_E4M3", 1},
    {SafetensorsType::f8_e5m2, "F8_E5M2", 1}, {SafetensorsType::u16, "U16", 2},
    {SafetensorsType::i16, "I16", 2},         {SafetensorsType::f16, "F16", 2},
    {SafetensorsType::bf16, "BF16", 2},       {SafetensorsType::u32, "U32", 4},
    {SafetensorsType::i32, "I32", 4},         {SafetensorsType::f32, "F32", 4},
    {SafetensorsType::u64, "U64", 8},         {SafetensorsType::i64, "I64", 8},
    {SafetensorsType::f64, "F64", 8}};

constexpr std::size_t kMaxRank = 8;

// A whole number that is not negative, in either of the forms a JSON parser gives it.
bool whole(const json::value& value, uint64_t& out) {
  if (value.is_uint64()) {
    out = value.get_uint64();
    return true;
  }
  if (!value.is_int64() || value.get_int64() < 0) return false;
  out = uint64_t(value.get_int64());
  return true;
}

// One entry of the header.
class EntryReader {
 public:
  EntryReader(const std::filesystem::path& path, std::string_view name,
              std::span<const std::byte> data)
      : path_(path), data_(data) {
    tensor_.name = name;
  }

  Result<Safetensor> read(const json::value& value) {
    if (!value.is_object()) return wrong("is not an object");
    const json::object& fields = value.get_object();
    const auto* type = fields.if_contains("dtype");
    const auto* shape = fields.if_contains("shape");
    const auto* offsets = fields.if_contains("data_offsets");
    if (type == nullptr || !type->is_string() || shape == nullptr || !shape->is_array() ||
        offsets == nullptr || !offsets->is_array() || fields.size() != 3)
      return wrong("must have dtype, shape and data_offsets");
    if (Status s = read_type(type->get_string()); !s) return s.error();
    if (Status s = read_shape(shape->get_array()); !s) return s.error();
    if (Status s = read_offsets(offsets->get_array()); !s) return s.error();
    return std::move(tensor_);
  }

 private:
  Error wrong(const std::string& what, Code code = Code::data_loss) const {
    return error(code, path_.string() + ": tensor " + quoted_name(tensor_.name) + " " + what);
  }

  Status read_type(std::string_view name) {
    for (const SafetensorsTypeInfo& info : kTypes) {
      if (info.name != name) continue;
      tensor_.type = info.type;
      bytes_ = uint64_t(info.bytes);
      return {};
    }
    return wrong("has type " + quoted_name(name) + ", which this build does not know",
                 Code::unimplemented);
  }

  Status read_shape(const json::array& shape) {
    if (shape.size() > kMaxRank)
      return wrong("has " + std::to_string(shape.size()) + " dimensions, want at most " +
                   std::to_string(kMaxRank));
    for (const json::value& side : shape) {
      uint64_t size = 0;
      if (!whole(side, size)) return wrong("has a side that is not a whole number");
      if (__builtin_mul_overflow(bytes_, size, &bytes_) ||
          bytes_ > uint64_t(std::numeric_limits<int64_t>::max()))
        return wrong("has more bytes than 63 bits can count");
      tensor_.shape.push_back(size);
    }
    return {};
  }

  Status read_offsets(const json::array& offsets) {
    uint64_t begin = 0, end = 0;
    if (offsets.size() != 2 || !whole(offsets[0], begin) || !whole(offsets[1], end))
      return wrong("has data_offsets other than two whole numbers");
    if (begin > end || end > data_.size())
      return wrong("is at bytes " + std::to_string(begin) + " to " + std::to_string(end) +
                   " of the data, which has " + std::to_string(data_.size()));
    if (end - begin != bytes_)
      return wrong("has " + std::to_string(end - begin) + " bytes, its shape needs " +
                   std::to_string(bytes_));
    tensor_.bytes = data_.subspan(begin, end - begin);
    return {};
  }

  const std::filesystem::path& path_;
  std::span<const std::byte> data_;
  Safetensor tensor_{};
  uint64_t bytes_ = 0;  // that type and shape need
};

}  // namespace

const SafetensorsTypeInfo& safetensors_type_info(SafetensorsType type) {
  return kTypes[std::size_t(type)];
}

Result<SafetensorsFile> SafetensorsFile::read(const std::filesystem::path& path,
                                              std::span<const std::byte> file) {
  const auto damaged = [&](const std::string& what) {
    return error(Code::data_loss, path.string() + ": " + what);
  };
  ByteReader in(file);
  const auto length = in.read<uint64_t>();
  if (in.overrun() || length > in.left()) return damaged("ends inside the safetensors header");
  if (length > kMaxHeaderBytes)
    return damaged("has a header of " + std::to_string(length) + " bytes, want at most " +
                   std::to_string(kMaxHeaderBytes));
  const std::string_view text = in.take_text(length);
  if (!text.starts_with('{')) return damaged("is not a safetensors file");
  const Result<json::value> header = parse_json(text, 4);
  if (!header) return damaged("has a bad header: " + header.error().message);
  if (!header->is_object()) return damaged("is not a safetensors file");

  const std::span<const std::byte> data = file.subspan(in.position());
  SafetensorsFile out;
  for (const auto& [name, value] : header->get_object()) {
    if (name == "__metadata__") continue;  // free text of the writer
    Result<Safetensor> tensor = EntryReader(path, name, data).read(value);
    if (!tensor) return tensor.error();
    out.tensors_.push_back(std::move(*tensor));
  }
  std::sort(out.tensors_.begin(), out.tensors_.end(), [](const Safetensor& a, const Safetensor& b) {
    return std::pair(a.bytes.data(), a.bytes.size()) < std::pair(b.bytes.data(), b.bytes.size());
  });
  std::size_t at = 0;
  for (const Safetensor& tensor : out.tensors_) {
    if (tensor.bytes.data() != data.data() + at)
      return damaged("tensor " + quoted_name(tensor.name) + " leaves a gap or overlaps another");
    at += tensor.bytes.size();
  }
  if (at != data.size())
    return damaged("has " + std::to_string(data.size() - at) + " bytes behind the last tensor");
  return out;
}

}  // namespace serval
