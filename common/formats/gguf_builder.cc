#include "common/formats/gguf_builder.h"

#include <algorithm>
#include <cstring>

#include "common/formats/quoted_name.h"

namespace serval {
namespace {

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

// As a GGUF file holds it: the length, then the bytes.
std::byte* put_text(std::byte* at, std::string_view text) {
  const uint64_t length = text.size();
  std::memcpy(at, &length, sizeof length);
  if (!text.empty()) std::memcpy(at + sizeof length, text.data(), text.size());
  return at + sizeof length + text.size();
}

}  // namespace

std::span<const std::byte> GgufBuilder::keep(std::filesystem::path path, MappedFile file) {
  const std::span<const std::byte> bytes = file.bytes();
  out_.sources_.push_back({std::move(path), std::move(file)});
  return bytes;
}

std::span<std::byte> GgufBuilder::make(std::size_t bytes) {
  out_.made_.push_back(std::make_unique<std::byte[]>(bytes));
  return {out_.made_.back().get(), bytes};
}

std::string_view GgufBuilder::keep_text(std::string_view text) {
  const std::span<std::byte> copy = make(text.size());
  if (!text.empty()) std::memcpy(copy.data(), text.data(), text.size());
  return {reinterpret_cast<const char*>(copy.data()), copy.size()};
}

void GgufBuilder::entry(std::string_view key, GgufValueType type, GgufValueType element,
                        uint64_t count, std::span<const std::byte> bytes) {
  const std::span<std::byte> copy = make(bytes.size());
  if (!bytes.empty()) std::memcpy(copy.data(), bytes.data(), bytes.size());
  out_.entries_.push_back({keep_text(key), type, element, count, copy});
}

void GgufBuilder::add(std::string_view key, bool value) {
  entry(key, GgufValueType::boolean, GgufValueType::boolean, 1, bytes_of(value));
}
void GgufBuilder::add(std::string_view key, int64_t value) {
  entry(key, GgufValueType::int64, GgufValueType::int64, 1, bytes_of(value));
}
void GgufBuilder::add(std::string_view key, double value) {
  entry(key, GgufValueType::float64, GgufValueType::float64, 1, bytes_of(value));
}
void GgufBuilder::add(std::string_view key, std::span<const int32_t> values) {
  entry(key, GgufValueType::array, GgufValueType::int32, values.size(), std::as_bytes(values));
}
void GgufBuilder::add_booleans(std::string_view key, std::span<const uint8_t> values) {
  entry(key, GgufValueType::array, GgufValueType::boolean, values.size(), std::as_bytes(values));
}

void GgufBuilder::add(std::string_view key, std::string_view value) {
  const std::span<std::byte> bytes = make(sizeof(uint64_t) + value.size());
  put_text(bytes.data(), value);
  out_.entries_.push_back({keep_text(key), GgufValueType::string, GgufValueType::string, 1, bytes});
}

void GgufBuilder::add(std::string_view key, std::span<const std::string_view> values) {
  std::size_t size = 0;
  for (const std::string_view value : values) size += sizeof(uint64_t) + value.size();
  const std::span<std::byte> bytes = make(size);
  std::byte* at = bytes.data();
  for (const std::string_view value : values) at = put_text(at, value);
  out_.entries_.push_back(
      {keep_text(key), GgufValueType::array, GgufValueType::string, values.size(), bytes});
}

Status GgufBuilder::tensor(std::string_view name, GgufTensorType type,
                           std::span<const uint64_t> dims, std::span<const std::byte> bytes) {
  const auto refused = [&](const std::string& what) {
    return invalid(out_.path().string() + ": tensor " + quoted_name(name) + " " + what);
  };
  GgufTensor tensor{};
  const GgufTypeInfo* info = gguf_type_info(type);
  if (info == nullptr) return refused("has an unknown type");
  if (dims.empty() || dims.size() > tensor.dims.size())
    return refused("has " + std::to_string(dims.size()) + " dimensions, want 1 to 4");
  tensor.name = keep_text(name);
  tensor.type = type;
  tensor.rank = int(dims.size());
  tensor.dims.fill(1);
  std::copy(dims.begin(), dims.end(), tensor.dims.begin());
  tensor.elements = 1;
  for (const uint64_t dim : tensor.dims)
    if (dim == 0 || __builtin_mul_overflow(tensor.elements, dim, &tensor.elements))
      return refused("has an impossible shape");
  uint64_t want = 0;
  if (tensor.dims[0] % info->elements != 0 ||
      __builtin_mul_overflow(tensor.elements / info->elements, uint64_t(info->bytes), &want) ||
      want != bytes.size())
    return refused("has " + std::to_string(bytes.size()) + " bytes, which its shape does not need");
  tensor.bytes = bytes;
  out_.tensors_.push_back(tensor);
  return {};
}

Status GgufBuilder::stack(std::string_view name, GgufTensorType type,
                          std::span<const uint64_t> dims,
                          std::span<const std::span<const std::byte>> matrices) {
  if (matrices.empty() || dims.size() != 2)
    return invalid(out_.path().string() + ": tensor " + quoted_name(name) +
                   " is not a stack of matrices");
  // Each is checked as if it stood alone; the last one then becomes the stack.
  for (const std::span<const std::byte>& bytes : matrices) {
    if (Status s = tensor(name, type, dims, bytes); !s) return s;
    if (&bytes != &matrices.back()) out_.tensors_.pop_back();
  }
  GgufTensor& stacked = out_.tensors_.back();
  stacked.rank = 3;
  if (matrices.size() == 1) return {};
  const std::span<std::byte> copy = make(matrices.size_bytes());
  std::memcpy(copy.data(), matrices.data(), matrices.size_bytes());
  stacked.dims[2] = matrices.size();
  stacked.elements *= matrices.size();
  stacked.bytes = {};
  stacked.apart = {reinterpret_cast<const std::span<const std::byte>*>(copy.data()),
                   matrices.size()};
  return {};
}

Result<GgufFile> GgufBuilder::build() && {
  if (Status s = out_.index_entries(); !s) return s.error();
  if (Status s = out_.index_tensors(); !s) return s.error();
  return std::move(out_);
}

}  // namespace serval
