// The model.bin of a CTranslate2 model folder, version 6: a specification's name and revision, then
// named variables one behind the other, then names that are aliases of others.
//
// A file is taken as hostile: every length lies inside the file, each variable has the bytes that
// its type and shape need, no name comes twice, and nothing stands behind the aliases.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace serval {

enum class Ct2Type : uint8_t { f32 = 0, i8 = 1, i16 = 2, i32 = 3, f16 = 4, bf16 = 5 };
const char* ct2_type_name(Ct2Type type);
int ct2_type_bytes(Ct2Type type);

struct Ct2Variable {
  std::string name;  // "encoder/conv1/weight"
  Ct2Type type;
  std::vector<uint64_t> shape;       // outermost first; empty for a single number
  std::span<const std::byte> bytes;  // into the mapping, not aligned
  std::string stored_as = {};        // of an alias: the variable that has the bytes
};

class Ct2File {
 public:
  const std::string& spec() const { return spec_; }  // "WhisperSpec"
  uint32_t revision() const { return revision_; }
  // In the order of the file; then the aliases, with the bytes of what they stand for.
  const std::vector<Ct2Variable>& variables() const { return variables_; }
  std::vector<Ct2Variable> take() && { return std::move(variables_); }

  // Reads the directory of a mapped file; the variables' bytes are not touched. The spans live as
  // long as the mapping. path: for messages. Errors: data_loss for a damaged file, unimplemented
  // for a version or type that this build does not know.
  static Result<Ct2File> read(const std::filesystem::path& path, std::span<const std::byte> file);

 private:
  std::string spec_;
  uint32_t revision_ = 0;
  std::vector<Ct2Variable> variables_;
};

}  // namespace serval
