// Safetensors: a file of named tensors. Eight bytes give the length of a JSON object that names
// each tensor's type, shape and place; the rest of the file is the tensors' bytes.
//
// A file is taken as hostile: the object is at most kMaxHeaderBytes long, every offset lies inside
// the file, the tensors cover its bytes without gap or overlap, and each has the bytes that its
// type and shape need.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/mapped_file.h"
#include "common/result.h"

namespace serval {

enum class SafetensorsType : uint8_t {
  boolean,
  u8,
  i8,
  f8_e4m3,
  f8_e5m2,
  u16,
  i16,
  f16,
  bf16,
  u32,
  i32,
  f32,
  u64,
  i64,
  f64,
};

struct SafetensorsTypeInfo {
  SafetensorsType type;
  std::string_view name;  // "BF16"
  int bytes;
};

const SafetensorsTypeInfo& safetensors_type_info(SafetensorsType type);

struct Safetensor {
  std::string name;
  SafetensorsType type;
  std::vector<uint64_t> shape;       // outermost first; empty for a single number
  std::span<const std::byte> bytes;  // into the mapping
};

class SafetensorsFile {
 public:
  static constexpr uint64_t kMaxHeaderBytes = 16 << 20;

  const std::vector<Safetensor>& tensors() const {
    return tensors_;
  }  // in the order of their bytes

  std::vector<Safetensor> take() && { return std::move(tensors_); }

  // Reads the directory of a mapped file; the tensors' bytes are not touched. The spans live as
  // long as the mapping. path: for messages. Errors: data_loss for a damaged file, unimplemented
  // for a type that this build does not know.
  static Result<SafetensorsFile> read(const std::filesystem::path& path,
                                      std::span<const std::byte> file);

 private:
  std::vector<Safetensor> tensors_;
};

}  // namespace serval
