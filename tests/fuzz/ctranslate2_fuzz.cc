// Any bytes as a CTranslate2 model: its directory is read, then every byte of every variable.
#include "common/formats/ctranslate2.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const auto file =
      serval::Ct2File::read("fuzzed", {reinterpret_cast<const std::byte*>(data), size});
  if (!file) return 0;
  unsigned sum = 0;
  for (const serval::Ct2Variable& variable : file->variables()) {
    uint64_t elements = 1;
    for (const uint64_t side : variable.shape) elements *= side;
    if (variable.bytes.size() > size ||
        variable.bytes.size() != elements * uint64_t(serval::ct2_type_bytes(variable.type)))
      __builtin_trap();
    for (const std::byte b : variable.bytes) sum += unsigned(b);
  }
  if (sum > 255u * size * (file->variables().size() + 1)) __builtin_trap();
  return 0;
}
