#include "common/formats/gguf_reader.h"

#include <limits>

#include "common/formats/quoted_name.h"

namespace serval {
namespace {

constexpr uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr uint32_t kVersion = 3;
constexpr int64_t kDefaultAlignment = 32;
constexpr int64_t kMaxAlignment = 1 << 20;
// The shortest records a file can hold: they bound how many a count may promise.
constexpr uint64_t kMinEntryBytes = 8 + 1 + 4 + 1;  // length, key, type, value
constexpr uint64_t kMinTensorBytes =
    8 + 1 + 4 + 8 + 4 + 8;  // length, name, rank, dim, type, offset
constexpr std::size_t kMaxNameBytes = 65535;

// Bytes of one value, or 0 for strings and arrays (of varying length) and unknown types.
uint64_t fixed_size(GgufValueType type) {
  switch (type) {
    case GgufValueType::uint8:
    case GgufValueType::int8:
    case GgufValueType::boolean:
      return 1;
    case GgufValueType::uint16:
    case GgufValueType::int16:
      return 2;
    case GgufValueType::uint32:
    case GgufValueType::int32:
    case GgufValueType::float32:
      return 4;
    case GgufValueType::uint64:
    case GgufValueType::int64:
    case GgufValueType::float64:
      return 8;
    case GgufValueType::string:
    case GgufValueType::array:
      return 0;
  }
  return 0;
}

}  // namespace

Result<GgufFile> GgufReader::read() && {
  if (Status s = read_header(); !s) return s.error();
  for (uint64_t i = 0; i < entry_count_; ++i)
    if (Status s = read_entry(); !s) return s.error();
  if (Status s = out_.index_entries(); !s) return s.error();
  for (uint64_t i = 0; i < tensor_count_; ++i)
    if (Status s = read_tensor(); !s) return s.error();
  if (Status s = out_.index_tensors(); !s) return s.error();
  if (Status s = place_tensors(); !s) return s.error();
  return std::move(out_);
}

Status GgufReader::read_header() {
  const auto magic = in_.read<uint32_t>();
  if (!in_.overrun() && magic != kMagic) return damaged("not a GGUF file");
  const auto version = in_.read<uint32_t>();
  tensor_count_ = in_.read<uint64_t>();
  entry_count_ = in_.read<uint64_t>();
  if (in_.overrun()) return damaged("ends inside the GGUF header");
  if (version == __builtin_bswap32(kVersion)) return damaged("is big-endian, want little-endian");
  if (version != kVersion)
    return damaged("GGUF version " + std::to_string(version) + ", want " +
                   std::to_string(kVersion));
  if (entry_count_ > in_.left() / kMinEntryBytes)
    return damaged("promises " + std::to_string(entry_count_) + " metadata entries, " +
                   std::to_string(in_.left()) + " bytes are left");
  if (tensor_count_ > in_.left() / kMinTensorBytes)
    return damaged("promises " + std::to_string(tensor_count_) + " tensors, " +
                   std::to_string(in_.left()) + " bytes are left");
  return {};
}

Status GgufReader::read_entry() {
  const std::string where = "metadata entry " + std::to_string(out_.entries_.size());
  const auto length = in_.read<uint64_t>();
  if (in_.overrun() || length > in_.left()) return damaged("ends inside " + where);
  if (length == 0 || length > kMaxNameBytes)
    return damaged(where + " has a key of " + std::to_string(length) + " bytes, want 1 to " +
                   std::to_string(kMaxNameBytes));
  GgufEntry entry{};
  entry.key = in_.take_text(length);
  entry.type = GgufValueType(in_.read<uint32_t>());
  entry.element = entry.type;
  entry.count = 1;
  if (entry.type == GgufValueType::array) {
    entry.element = GgufValueType(in_.read<uint32_t>());
    entry.count = in_.read<uint64_t>();
  }
  if (in_.overrun()) return damaged("ends inside metadata key " + quoted_name(entry.key));
  const uint64_t start = in_.position();
  if (Status s = skip_values(entry.element, entry.count, entry.key); !s) return s;
  entry.bytes = bytes_.subspan(start, in_.position() - start);
  out_.entries_.push_back(entry);
  return {};
}

Status GgufReader::skip_values(GgufValueType type, uint64_t count, std::string_view key) {
  const auto cut_short = [&] { return damaged("ends inside metadata key " + quoted_name(key)); };
  if (const uint64_t size = fixed_size(type); size > 0) {
    if (count > in_.left() / size) return cut_short();
    in_.take(count * size);
    return {};
  }
  if (type == GgufValueType::array)
    return damaged("metadata key " + quoted_name(key) +
                   " is an array of arrays, which is not supported");
  if (type != GgufValueType::string)
    return damaged("metadata key " + quoted_name(key) + " has unknown value type " +
                   std::to_string(uint32_t(type)));
  for (uint64_t i = 0; i < count; ++i) {
    in_.take(in_.read<uint64_t>());
    if (in_.overrun()) return cut_short();
  }
  return {};
}

Status GgufReader::read_tensor() {
  const std::string where = "tensor entry " + std::to_string(out_.tensors_.size());
  const auto length = in_.read<uint64_t>();
  if (in_.overrun() || length > in_.left()) return damaged("ends inside " + where);
  if (length == 0 || length > kMaxNameBytes)
    return damaged(where + " has a name of " + std::to_string(length) + " bytes, want 1 to " +
                   std::to_string(kMaxNameBytes));
  GgufTensor tensor{};
  tensor.name = in_.take_text(length);
  const std::string name = "tensor " + quoted_name(tensor.name);
  const auto rank = in_.read<uint32_t>();
  if (in_.overrun()) return damaged("ends inside " + name);
  if (rank < 1 || rank > tensor.dims.size())
    return damaged(name + " has " + std::to_string(rank) + " dimensions, want 1 to 4");
  tensor.rank = int(rank);
  tensor.dims.fill(1);
  for (uint32_t i = 0; i < rank; ++i) tensor.dims[i] = in_.read<uint64_t>();
  tensor.type = GgufTensorType(in_.read<uint32_t>());
  tensor.offset = in_.read<uint64_t>();
  if (in_.overrun()) return damaged("ends inside " + name);
  tensor.elements = 1;
  for (const uint64_t dim : tensor.dims) {
    if (dim == 0) return damaged(name + " has a dimension of 0");
    if (__builtin_mul_overflow(tensor.elements, dim, &tensor.elements) ||
        tensor.elements > uint64_t(std::numeric_limits<int64_t>::max()))
      return damaged(name + " has more elements than 63 bits can count");
  }
  out_.tensors_.push_back(tensor);
  return {};
}

// Turns offsets relative to the data section into spans of the mapping.
Status GgufReader::place_tensors() {
  const Result<int64_t> alignment = out_.integer_or("general.alignment", kDefaultAlignment);
  if (!alignment) return alignment.error();
  if (*alignment < 1 || *alignment > kMaxAlignment || (*alignment & (*alignment - 1)) != 0)
    return damaged("general.alignment is " + std::to_string(*alignment) +
                   ", want a power of two up to " + std::to_string(kMaxAlignment));
  const uint64_t step = uint64_t(*alignment), size = bytes_.size();
  const uint64_t data = (in_.position() + step - 1) / step * step;
  for (GgufTensor& tensor : out_.tensors_) {
    const std::string name = "tensor " + quoted_name(tensor.name);
    if (tensor.offset % step != 0)
      return damaged(name + " is at offset " + std::to_string(tensor.offset) +
                     ", want a multiple of " + std::to_string(step));
    if (data > size || tensor.offset > size - data)
      return damaged(name + " starts at byte " + std::to_string(tensor.offset) +
                     " of the data, behind the end of the file");
    tensor.offset += data;
    const GgufTypeInfo* info = gguf_type_info(tensor.type);
    if (info == nullptr) continue;
    if (tensor.dims[0] % info->elements != 0)
      return damaged(name + " has rows of " + std::to_string(tensor.dims[0]) + " elements, " +
                     std::string(info->name) + " wants a multiple of " +
                     std::to_string(info->elements));
    const uint64_t blocks = tensor.elements / info->elements, left = size - tensor.offset;
    if (blocks > left / info->bytes)
      return damaged(name + " needs " + std::to_string(blocks) + " blocks of " +
                     std::to_string(info->bytes) + " bytes, the file has " + std::to_string(left) +
                     " bytes left there");
    tensor.bytes = bytes_.subspan(tensor.offset, blocks * info->bytes);
  }
  return {};
}

Error GgufReader::damaged(const std::string& what) const {
  return error(Code::data_loss, out_.path_.string() + ": " + what);
}

Result<GgufFile> open_gguf(const std::filesystem::path& path) {
  Result<MappedFile> file = MappedFile::open(path);
  if (!file) return file.error();
  return GgufReader(path, std::move(*file)).read();
}

}  // namespace serval
