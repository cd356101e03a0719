// Writes small GGUF files for tests, well formed unless told otherwise.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "common/formats/gguf.h"

namespace serval {

class GgufWriter {
 public:
  // Metadata, in the order of the calls. T: an integer or float type, bool.
  template <class T>
  requires std::is_arithmetic_v<T> GgufWriter& add(std::string_view key, T value) {
    entry(key, value_type<T>());
    put(entries_, value);
    return *this;
  }
  GgufWriter& add(std::string_view key, std::string_view value) {
    entry(key, GgufValueType::string);
    put_text(entries_, value);
    return *this;
  }
  template <class T>
  GgufWriter& add(std::string_view key, const std::vector<T>& values) {
    entry(key, GgufValueType::array);
    if constexpr (std::is_convertible_v<T, std::string_view>) {
      put(entries_, uint32_t(GgufValueType::string));
      put(entries_, uint64_t(values.size()));
      for (const std::string_view value : values) put_text(entries_, value);
    } else {
      put(entries_, uint32_t(value_type<T>()));
      put(entries_, uint64_t(values.size()));
      for (const T value : values) put(entries_, value);
    }
    return *this;
  }

  // A tensor with its bytes as they are; nothing is checked.
  GgufWriter& tensor(std::string_view name, GgufTensorType type, std::vector<uint64_t> dims,
                     std::string_view bytes) {
    tensor_at(name, type, std::move(dims), data_.size());
    data_.append(bytes);
    data_.resize((data_.size() + alignment_ - 1) / alignment_ * alignment_);
    return *this;
  }
  GgufWriter& tensor_at(std::string_view name, GgufTensorType type, std::vector<uint64_t> dims,
                        uint64_t offset) {
    put_text(tensors_, name);
    put(tensors_, uint32_t(dims.size()));
    for (const uint64_t dim : dims) put(tensors_, dim);
    put(tensors_, uint32_t(type));
    put(tensors_, offset);
    ++tensor_count_;
    return *this;
  }
  GgufWriter& f32(std::string_view name, std::vector<uint64_t> dims,
                  const std::vector<float>& values) {
    return tensor(name, GgufTensorType::f32, std::move(dims),
                  {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)});
  }
  // Normal numbers with the given standard deviation.
  GgufWriter& random_f32(std::string_view name, std::vector<uint64_t> dims, float deviation,
                         uint32_t seed) {
    uint64_t count = 1;
    for (const uint64_t dim : dims) count *= dim;
    std::mt19937 engine(seed);
    std::normal_distribution<float> normal(0.0f, deviation);
    std::vector<float> values(count);
    for (float& value : values) value = normal(engine);
    return f32(name, std::move(dims), values);
  }

  // Sets general.alignment. REQUIRES: a power of two, before the first tensor.
  GgufWriter& alignment(uint32_t bytes) {
    alignment_ = bytes;
    return add("general.alignment", bytes);
  }

  std::string bytes() const {
    std::string out = "GGUF";
    put(out, uint32_t{3});
    put(out, tensor_count_);
    put(out, entry_count_);
    out += entries_ + tensors_;
    out.resize((out.size() + alignment_ - 1) / alignment_ * alignment_);
    return out + data_;
  }
  void write(const std::filesystem::path& path) const {
    std::ofstream(path, std::ios::binary) << bytes();
  }

 private:
  template <class T>
  static constexpr GgufValueType value_type() {
    if constexpr (std::is_same_v<T, bool>) return GgufValueType::boolean;
    if constexpr (std::is_same_v<T, float>) return GgufValueType::float32;
    if constexpr (std::is_same_v<T, double>) return GgufValueType::float64;
    constexpr bool is_signed = std::is_signed_v<T>;
    if constexpr (sizeof(T) == 1) return is_signed ? GgufValueType::int8 : GgufValueType::uint8;
    if constexpr (sizeof(T) == 2) return is_signed ? GgufValueType::int16 : GgufValueType::uint16;
    if constexpr (sizeof(T) == 4) return is_signed ? GgufValueType::int32 : GgufValueType::uint32;
    return is_signed ? GgufValueType::int64 : GgufValueType::uint64;
  }
  template <class T>
  requires std::is_arithmetic_v<T>
  static void put(std::string& out, T value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  static void put_text(std::string& out, std::string_view text) {
    put(out, uint64_t(text.size()));
    out.append(text);
  }
  void entry(std::string_view key, GgufValueType type) {
    put_text(entries_, key);
    put(entries_, uint32_t(type));
    ++entry_count_;
  }

  std::string entries_, tensors_, data_;
  uint64_t entry_count_ = 0, tensor_count_ = 0;
  uint64_t alignment_ = 32;
};

// A file in the temporary directory, removed at the end of the scope.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view bytes)
      : path_(std::filesystem::temp_directory_path() /
              ("serval_test_" + std::to_string(std::random_device{}()) + ".gguf")) {
    std::ofstream(path_, std::ios::binary) << bytes;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace serval
