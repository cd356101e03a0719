// Any bytes as a safetensors file: its directory is read, then every byte of every tensor.
#include <memory>

#include "common/formats/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const auto file =
      serval::SafetensorsFile::read("fuzzed", {reinterpret_cast<const std::byte*>(data), size});
  if (!file) return 0;
  std::size_t total = 0;
  unsigned sum = 0;
  for (const serval::Safetensor& tensor : file->tensors()) {
    total += tensor.bytes.size();
    for (const std::byte b : tensor.bytes) sum += unsigned(b);
  }
  // The tensors tile what is behind the header.
  if (total > size || sum > 255u * total) __builtin_trap();
  return 0;
}
