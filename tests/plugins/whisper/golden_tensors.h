// Golden numbers kept as a safetensors file under tests/golden/whisper.
#pragma once

#include <cstring>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "common/formats/safetensors.h"
#include "common/mapped_file.h"

namespace serval::whisper {

class GoldenTensors {
 public:
  explicit GoldenTensors(const std::string& name) {
    const std::string path = SERVAL_SOURCE_DIR "/tests/golden/whisper/" + name;
    Result<MappedFile> file = MappedFile::open(path);
    if (!file) {
      ADD_FAILURE() << file.error().message;
      return;
    }
    file_ = std::move(*file);
    Result<SafetensorsFile> read = SafetensorsFile::read(path, file_.bytes());
    if (!read)
      ADD_FAILURE() << read.error().message;
    else
      tensors_ = std::move(*read).take();
  }

  // The numbers of one tensor, of which T is the type; none, and a failure, if it is not there.
  template <class T>
  std::vector<T> get(const std::string& name) const {
    for (const Safetensor& tensor : tensors_) {
      if (tensor.name != name) continue;
      std::vector<T> values(tensor.bytes.size() / sizeof(T));
      std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
      return values;
    }
    ADD_FAILURE() << "no golden tensor " << name;
    return {};
  }

  // 16-bit samples as floats.
  std::vector<float> samples(const std::string& name) const {
    std::vector<float> samples;
    for (const int16_t value : get<int16_t>(name)) samples.push_back(float(value) / 32768);
    return samples;
  }

 private:
  MappedFile file_;
  std::vector<Safetensor> tensors_;
};

}  // namespace serval::whisper
