#include "common/formats/gguf.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "common/formats/byte_reader.h"
#include "common/formats/quoted_name.h"

namespace serval {
namespace {

const char* type_name(GgufValueType type) {
  constexpr const char* kNames[] = {"uint8",  "int8",    "uint16", "int16",  "uint32",
                                    "int32",  "float32", "bool",   "string", "array",
                                    "uint64", "int64",   "float64"};
  return uint32_t(type) < std::size(kNames) ? kNames[uint32_t(type)] : "unknown";
}

bool is_integer(GgufValueType type) {
  return type <= GgufValueType::int32 || type == GgufValueType::uint64 ||
         type == GgufValueType::int64;
}

bool is_float(GgufValueType type) {
  return type == GgufValueType::float32 || type == GgufValueType::float64;
}

// REQUIRES: is_integer(type). false: a uint64 above the int64 range.
bool read_integer(ByteReader& in, GgufValueType type, int64_t& value) {
  switch (type) {
    case GgufValueType::uint8:
      value = in.read<uint8_t>();
      return true;
    case GgufValueType::int8:
      value = in.read<int8_t>();
      return true;
    case GgufValueType::uint16:
      value = in.read<uint16_t>();
      return true;
    case GgufValueType::int16:
      value = in.read<int16_t>();
      return true;
    case GgufValueType::uint32:
      value = in.read<uint32_t>();
      return true;
    case GgufValueType::int32:
      value = in.read<int32_t>();
      return true;
    case GgufValueType::uint64: {
      const auto wide = in.read<uint64_t>();
      value = int64_t(wide);
      return wide <= uint64_t(std::numeric_limits<int64_t>::max());
    }
    default:
      value = in.read<int64_t>();
      return true;
  }
}

template <class Items, class Name>
auto find_by_name(const Items& items, const std::vector<uint32_t>& order, std::string_view wanted,
                  Name name) -> decltype(items.data()) {
  const auto at =
      std::lower_bound(order.begin(), order.end(), wanted,
                       [&](uint32_t i, std::string_view w) { return name(items[i]) < w; });
  return at != order.end() && name(items[*at]) == wanted ? &items[*at] : nullptr;
}

// Sorts indices of `items` by name; gives the first name that occurs twice, or an empty view.
template <class Items, class Name>
std::string_view sort_by_name(const Items& items, Name name, std::vector<uint32_t>& order) {
  order.resize(items.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return name(items[a]) < name(items[b]); });
  for (std::size_t i = 1; i < order.size(); ++i)
    if (name(items[order[i - 1]]) == name(items[order[i]])) return name(items[order[i]]);
  return {};
}

}  // namespace

Status GgufFile::index_entries() {
  const auto twice = sort_by_name(
      entries_, [](const GgufEntry& e) { return e.key; }, entries_by_key_);
  if (twice.empty()) return {};
  return error(Code::data_loss,
               path_.string() + ": metadata key " + quoted_name(twice) + " occurs twice");
}

Status GgufFile::index_tensors() {
  const auto twice = sort_by_name(
      tensors_, [](const GgufTensor& t) { return t.name; }, tensors_by_name_);
  if (twice.empty()) return {};
  return error(Code::data_loss,
               path_.string() + ": tensor " + quoted_name(twice) + " occurs twice");
}

const GgufEntry* GgufFile::entry(std::string_view key) const {
  return find_by_name(entries_, entries_by_key_, key, [](const GgufEntry& e) { return e.key; });
}

const GgufTensor* GgufFile::find_tensor(std::string_view name) const {
  return find_by_name(tensors_, tensors_by_name_, name, [](const GgufTensor& t) { return t.name; });
}

Result<const GgufTensor*> GgufFile::tensor(std::string_view name) const {
  const GgufTensor* found = find_tensor(name);
  if (found == nullptr)
    return error(Code::not_found, path_.string() + ": no tensor \"" + std::string(name) + "\"");
  if (gguf_type_info(found->type) == nullptr)
    return error(Code::unimplemented, path_.string() + ": tensor \"" + std::string(name) +
                                          "\" has type " + std::to_string(uint32_t(found->type)) +
                                          ", which this build does not know");
  return found;
}

Error GgufFile::missing(std::string_view key) const {
  return error(Code::not_found, path_.string() + ": no metadata key \"" + std::string(key) + "\"");
}

Error GgufFile::wrong_type(const GgufEntry& entry, const char* want) const {
  std::string found = type_name(entry.type);
  if (entry.type == GgufValueType::array) found += std::string(" of ") + type_name(entry.element);
  return invalid(path_.string() + ": metadata key \"" + std::string(entry.key) + "\" is " + found +
                 ", want " + want);
}

Result<int64_t> GgufFile::integer(std::string_view key) const {
  const GgufEntry* found = entry(key);
  if (found == nullptr) return missing(key);
  if (!is_integer(found->type)) return wrong_type(*found, "an integer");
  ByteReader in(found->bytes);
  int64_t value = 0;
  if (!read_integer(in, found->type, value)) return wrong_type(*found, "at most 2^63 - 1");
  return value;
}

Result<double> GgufFile::real(std::string_view key) const {
  const GgufEntry* found = entry(key);
  if (found == nullptr) return missing(key);
  ByteReader in(found->bytes);
  if (found->type == GgufValueType::float32) return double(in.read<float>());
  if (found->type == GgufValueType::float64) return in.read<double>();
  if (!is_integer(found->type)) return wrong_type(*found, "a number");
  const Result<int64_t> whole = integer(key);
  if (!whole) return whole.error();
  return double(*whole);
}

Result<bool> GgufFile::boolean(std::string_view key) const {
  const GgufEntry* found = entry(key);
  if (found == nullptr) return missing(key);
  if (found->type != GgufValueType::boolean) return wrong_type(*found, "a bool");
  return found->bytes[0] != std::byte{0};
}

Result<std::string_view> GgufFile::text(std::string_view key) const {
  const GgufEntry* found = entry(key);
  if (found == nullptr) return missing(key);
  if (found->type != GgufValueType::string) return wrong_type(*found, "a string");
  ByteReader in(found->bytes);
  return in.take_text(in.read<uint64_t>());
}

Result<int64_t> GgufFile::integer_or(std::string_view key, int64_t absent) const {
  return has(key) ? integer(key) : absent;
}
Result<double> GgufFile::real_or(std::string_view key, double absent) const {
  return has(key) ? real(key) : absent;
}
Result<bool> GgufFile::boolean_or(std::string_view key, bool absent) const {
  return has(key) ? boolean(key) : absent;
}
Result<std::string_view> GgufFile::text_or(std::string_view key, std::string_view absent) const {
  return has(key) ? text(key) : absent;
}

Result<std::vector<int64_t>> GgufFile::integers(std::string_view key) const {
  const GgufEntry* found = entry(key);
  if (found == nullptr) return missing(key);
  if (found->type != GgufValueType::array || !is_integer(found->element))
    return wrong_type(*found, "an array of integers");
  ByteReader in(found->bytes);
  std::vector<int64_t> values(found->count);
  for (int64_t& value : values)
    if (!read_integer(in, found->element, value))
      return wrong_type(*found, "values of at most 2^63 - 1");
  return values;
}

Result<std::vector<float>> GgufFile::reals(std::string_view key) const {
  const GgufEntry* found = entry(key);
  if (found == nullptr) return missing(key);
  if (found->type != GgufValueType::array || !is_float(found->element))
    return wrong_type(*found, "an array of floats");
  ByteReader in(found->bytes);
  std::vector<float> values(found->count);
  for (float& value : values)
    value = found->element == GgufValueType::float32 ? in.read<float>() : float(in.read<double>());
  return values;
}

Result<std::vector<bool>> GgufFile::booleans(std::string_view key) const {
  const GgufEntry* found = entry(key);
  if (found == nullptr) return missing(key);
  if (found->type != GgufValueType::array || found->element != GgufValueType::boolean)
    return wrong_type(*found, "an array of bools");
  std::vector<bool> values(found->count);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = found->bytes[i] != std::byte{0};
  return values;
}

Result<std::vector<std::string_view>> GgufFile::texts(std::string_view key) const {
  const GgufEntry* found = entry(key);
  if (found == nullptr) return missing(key);
  if (found->type != GgufValueType::array || found->element != GgufValueType::string)
    return wrong_type(*found, "an array of strings");
  ByteReader in(found->bytes);
  std::vector<std::string_view> values(found->count);
  for (std::string_view& value : values) value = in.take_text(in.read<uint64_t>());
  return values;
}

}  // namespace serval
