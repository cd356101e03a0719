// GGUF version 3: one file with a model's metadata and tensors.
//
// Everything is read in place from the mapping. A file is taken as hostile: each count, length,
// offset and product is checked against what the file holds before it is used, memory stays in
// proportion to the file's size, and every error names the file, what was found and what was
// wanted.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/formats/gguf_types.h"
#include "common/mapped_file.h"
#include "common/result.h"

namespace serval {

enum class GgufValueType : uint32_t {
  uint8 = 0,
  int8 = 1,
  uint16 = 2,
  int16 = 3,
  uint32 = 4,
  int32 = 5,
  float32 = 6,
  boolean = 7,
  string = 8,
  array = 9,
  uint64 = 10,
  int64 = 11,
  float64 = 12,
};

// One metadata value where it lies in the file. Views live as long as the GgufFile.
struct GgufEntry {
  std::string_view key;
  GgufValueType type;                // array: `element` and `count` say of what
  GgufValueType element;             // equals `type` unless that is array
  uint64_t count;                    // 1 unless `type` is array
  std::span<const std::byte> bytes;  // the value, or the array's elements one after another
};

struct GgufTensor {
  std::string_view name;
  GgufTensorType type;               // any number: gguf_type_info() may not know it
  int rank;                          // 1..4
  std::array<uint64_t, 4> dims;      // dims[0] varies fastest (a row); 1 from `rank` on
  uint64_t elements;                 // product of dims
  uint64_t offset;                   // from the start of the file
  std::span<const std::byte> bytes;  // into the mapping; empty if the type is unknown
  // A stack whose matrices stand apart (GgufBuilder::stack) has them here, and no `bytes`.
  std::span<const std::span<const std::byte>> apart = {};

  // Matrix i of a stack [dims[2]]. REQUIRES: i < dims[2], dims[3] is 1, the type is known.
  std::span<const std::byte> matrix(uint64_t i) const {
    if (!apart.empty()) return apart[i];
    const std::size_t size = bytes.size() / dims[2];
    return bytes.subspan(i * size, size);
  }
};

struct SourceFile {
  std::filesystem::path path;
  MappedFile file;
};

// Movable; const functions may be called from any thread. Views, spans and pointers it gives out
// live as long as it does, also across a move.
class GgufFile {
 public:
  const std::filesystem::path& path() const { return path_; }
  // What was read: the file itself, or all files of a folder that is shown as one (GgufBuilder).
  std::span<const SourceFile> sources() const { return sources_; }
  std::span<const GgufEntry> entries() const { return entries_; }   // in file order
  std::span<const GgufTensor> tensors() const { return tensors_; }  // in file order

  // Metadata by key. Errors: not_found if the key is absent (the _or twins give `absent` instead),
  // invalid_argument if the value has another type or does not fit. Integers of any width are
  // taken by integer(), integers and floats by real().
  bool has(std::string_view key) const { return entry(key) != nullptr; }
  const GgufEntry* entry(std::string_view key) const;  // nullptr if absent
  Result<int64_t> integer(std::string_view key) const;
  Result<int64_t> integer_or(std::string_view key, int64_t absent) const;
  Result<double> real(std::string_view key) const;
  Result<double> real_or(std::string_view key, double absent) const;
  Result<bool> boolean(std::string_view key) const;
  Result<bool> boolean_or(std::string_view key, bool absent) const;
  Result<std::string_view> text(std::string_view key) const;
  Result<std::string_view> text_or(std::string_view key, std::string_view absent) const;
  Result<std::vector<int64_t>> integers(std::string_view key) const;
  Result<std::vector<float>> reals(std::string_view key) const;
  Result<std::vector<bool>> booleans(std::string_view key) const;
  Result<std::vector<std::string_view>> texts(std::string_view key) const;

  // Tensors by name. find_tensor: nullptr if absent. tensor: not_found if absent, unimplemented if
  // its type is unknown: what it gives has bytes, or is a stack [dims[2]] that stands apart.
  const GgufTensor* find_tensor(std::string_view name) const;
  Result<const GgufTensor*> tensor(std::string_view name) const;

 private:
  friend class GgufReader;
  friend class GgufBuilder;
  explicit GgufFile(std::filesystem::path path) : path_(std::move(path)) {}
  // Fill the indices below. Errors: data_loss if a name occurs twice.
  Status index_entries();
  Status index_tensors();
  Error wrong_type(const GgufEntry& entry, const char* want) const;
  Error missing(std::string_view key) const;

  std::filesystem::path path_;
  std::vector<SourceFile> sources_;
  std::vector<std::unique_ptr<std::byte[]>> made_;  // bytes that are in no file as they are
  std::vector<GgufEntry> entries_;
  std::vector<GgufTensor> tensors_;
  std::vector<uint32_t> entries_by_key_;   // indices into entries_, sorted by key
  std::vector<uint32_t> tensors_by_name_;  // indices into tensors_, sorted by name
};

// Maps the file and reads its directory; the tensors' bytes are not touched.
// Errors: those of MappedFile::open, else data_loss for a damaged file.
Result<GgufFile> open_gguf(const std::filesystem::path& path);

}  // namespace serval
