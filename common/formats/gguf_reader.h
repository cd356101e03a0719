// The one pass over a GGUF file's directory; used by open_gguf only.
#pragma once

#include <string>

#include "common/formats/byte_reader.h"
#include "common/formats/gguf.h"

namespace serval {

class GgufReader {
 public:
  GgufReader(std::filesystem::path path, MappedFile file)
      : out_(path), bytes_(file.bytes()), in_(bytes_) {
    out_.sources_.push_back({std::move(path), std::move(file)});
  }

  Result<GgufFile> read() &&;

 private:
  // Each leaves in_ behind what it read, or returns the reason why the file is refused.
  Status read_header();
  Status read_entry();
  Status read_tensor();
  Status skip_values(GgufValueType type, uint64_t count, std::string_view key);
  Status place_tensors();
  Error damaged(const std::string& what) const;

  GgufFile out_;
  std::span<const std::byte> bytes_;  // the whole file
  ByteReader in_;
  uint64_t tensor_count_ = 0;
  uint64_t entry_count_ = 0;
};

}  // namespace serval
