// The tensors of a Hugging Face folder by name, and which of them were asked for.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/formats/safetensors.h"
#include "common/mapped_file.h"

namespace serval::bei {

// Not thread-safe. Tensors' bytes live as long as the table.
class TensorTable {
 public:
  // Errors: those of find_hf_shards and SafetensorsFile; data_loss for a name that occurs twice.
  static Result<TensorTable> open(const std::filesystem::path& folder);

  bool has(std::string_view name) const { return find(name) != nullptr; }
  const Safetensor* find(std::string_view name) const;

  // The tensor of that name and shape, marked as used. Errors: not_found; invalid_argument for
  // another shape; unimplemented for an element type other than F32, F16 and BF16.
  Result<const Safetensor*> take(const std::string& name, const std::vector<uint64_t>& shape);
  // Error: unimplemented, naming a tensor that was not taken and begins with none of `ignored`: it
  // belongs to a model that computes something else.
  Status refuse_unused(const std::vector<std::string>& ignored) const;

  const std::filesystem::path& folder() const { return folder_; }

 private:
  struct Entry {
    Safetensor tensor;
    bool used = false;
  };

  std::filesystem::path folder_;
  std::vector<MappedFile> files_;
  std::unordered_map<std::string, Entry> tensors_;
};

// The elements as floats, to out [count]. REQUIRES: a tensor that take() gave.
void read_floats(const Safetensor& tensor, std::size_t first, std::size_t count, float* out);

}  // namespace serval::bei
