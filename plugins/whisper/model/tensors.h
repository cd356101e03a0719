// The tensors of a model folder by name, and which of them were asked for. Two kinds of folder:
// CTranslate2's model.bin, and Hugging Face's safetensors.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/mapped_file.h"
#include "common/result.h"
#include "kernels/pack.h"

namespace serval::whisper {

struct SpeechTensor {
  std::string type;  // as the file names it
  bool is_float = false;
  WeightType floats = WeightType::f32;  // if it is
  std::vector<uint64_t> shape;
  std::span<const std::byte> bytes;
  bool used = false;
  std::string stored_as = {};  // of CTranslate2's aliases: the tensor that has the bytes
  // CTranslate2's whole numbers that stand for weights: what one is divided by, for each row of the
  // first side or for all of them. Empty: it is no such tensor, or nobody has taken it.
  std::vector<float> scales = {};
};

// Not thread-safe. Tensors live as long as the table.
class SpeechTensors {
 public:
  // A folder with model.bin is CTranslate2's. Errors: not_found; those of the formats.
  static Result<SpeechTensors> open(const std::filesystem::path& folder);

  bool ctranslate2() const { return ctranslate2_; }
  const std::filesystem::path& folder() const { return folder_; }
  // Null: there is none.
  const SpeechTensor* find(const std::string& name) const;

  // The tensor of that name and shape, marked as used. Errors: not_found; invalid_argument for
  // another shape; unimplemented for elements that are not f32, f16 or bf16, nor int8 or int16 with
  // scales; data_loss for scales that nothing can be divided by.
  Result<const SpeechTensor*> take(const std::string& name, const std::vector<uint64_t>& shape);
  // The sides of a tensor of that rank. Errors as take.
  Result<std::vector<uint64_t>> sides(const std::string& name, std::size_t rank) const;
  // A single whole number. Errors: not_found; invalid_argument if it is something else.
  Result<int> number(const std::string& name);
  // Error: unimplemented, naming a tensor that was not taken: it belongs to a model that computes
  // something else.
  Status refuse_unused() const;

 private:
  Error wrong(Code code, const std::string& name, const std::string& what) const;
  Status take_scales(const std::string& name, SpeechTensor& tensor);

  std::filesystem::path folder_;
  bool ctranslate2_ = false;
  std::vector<MappedFile> files_;
  std::unordered_map<std::string, SpeechTensor> tensors_;
};

// `count` elements from the first-th on as floats. REQUIRES: a tensor that take() gave.
void read_floats(const SpeechTensor& tensor, std::size_t first, std::size_t count, float* out);

}  // namespace serval::whisper
