// Reads all that a GGUF file offers, through every getter.
#pragma once

#include <cstdint>

#include "common/formats/gguf.h"

namespace serval {

// A sum that depends on each byte of every tensor, so that nothing is optimised away.
inline uint64_t walk_gguf(const GgufFile& file) {
  uint64_t sum = 0;
  for (const GgufEntry& entry : file.entries()) {
    const auto key = entry.key;
    if (const auto v = file.integer(key)) sum += uint64_t(*v);
    if (const auto v = file.real(key)) sum += *v > 0;
    if (const auto v = file.boolean(key)) sum += *v;
    if (const auto v = file.text(key)) sum += v->size();
    if (const auto v = file.integers(key)) sum += v->size();
    if (const auto v = file.reals(key)) sum += v->size();
    if (const auto v = file.booleans(key)) sum += v->size();
    if (const auto v = file.texts(key))
      for (const std::string_view text : *v)
        for (const char c : text) sum += uint8_t(c);
  }
  for (const GgufTensor& tensor : file.tensors()) {
    for (const std::byte b : tensor.bytes) sum += uint8_t(b);
    if (const auto found = file.tensor(tensor.name)) sum += (*found)->elements;
  }
  return sum;
}

}  // namespace serval
