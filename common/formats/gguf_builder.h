// Shows something that is no GGUF file as one, so that its readers need no second way.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "common/formats/gguf.h"

namespace serval {

class GgufBuilder {
 public:
  // path: for messages.
  explicit GgufBuilder(std::filesystem::path path) : out_(std::move(path)) {}

  // Keeps a mapping as long as the result lives; gives its bytes.
  std::span<const std::byte> keep(std::filesystem::path path, MappedFile file);
  // Memory that lives as long.
  std::span<std::byte> make(std::size_t bytes);

  // Metadata; everything is copied.
  void add(std::string_view key, bool value);
  void add(std::string_view key, int64_t value);
  void add(std::string_view key, double value);
  void add(std::string_view key, std::string_view value);
  void add(std::string_view key, const char* value) { add(key, std::string_view(value)); }
  void add(std::string_view key, std::span<const std::string_view> values);
  void add(std::string_view key, std::span<const int32_t> values);
  void add_booleans(std::string_view key, std::span<const uint8_t> values);  // 0 or 1

  // dims: dims[0] varies fastest; 1 to 4 of them. bytes: from keep() or make().
  // Errors: invalid_argument if the bytes are not what the type and the dimensions make.
  Status tensor(std::string_view name, GgufTensorType type, std::span<const uint64_t> dims,
                std::span<const std::byte> bytes);

  // A tensor of three dimensions out of matrices that stand in different places, each of `dims`
  // (two of them). Errors: as tensor().
  Status stack(std::string_view name, GgufTensorType type, std::span<const uint64_t> dims,
               std::span<const std::span<const std::byte>> matrices);

  // Errors: data_loss if a key or a tensor was given twice.
  Result<GgufFile> build() &&;

 private:
  std::string_view keep_text(std::string_view text);
  void entry(std::string_view key, GgufValueType type, GgufValueType element, uint64_t count,
             std::span<const std::byte> bytes);

  GgufFile out_;
};

}  // namespace serval
