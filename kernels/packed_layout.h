// Where the parts of a packed group lie. The one place that knows the byte offsets of pack.h's
// table; shared by the packer and every kernel. Static for the reason float16.h gives.
#pragma once

#include <cstdint>

#include "kernels/pack.h"

namespace serval {
namespace {

// Bytes of quants in one block of 16 rows x 32 columns.
[[maybe_unused]] constexpr int64_t quant_bytes(PackedForm form) {
  return form == PackedForm::nibble || form == PackedForm::nibble_min ? 256 : 512;
}

// The forms with one f16 scale a row only put two blocks and their two 32-byte scale rows
// together, so that every quant vector stays 64-byte aligned; an odd last block leaves a gap.
[[maybe_unused]] constexpr bool is_paired(PackedForm form) {
  return form == PackedForm::nibble || form == PackedForm::byte;
}

[[maybe_unused]] constexpr int64_t quants_at(PackedForm form, int64_t block) {
  const int64_t bytes = quant_bytes(form);
  return is_paired(form) ? block / 2 * (2 * bytes + 64) + block % 2 * bytes : block * (bytes + 64);
}

// First 16 f16 scales of the block. What follows 32 bytes later: m of the _min forms, the scales
// of columns 16..31 of byte_16.
[[maybe_unused]] constexpr int64_t scales_at(PackedForm form, int64_t block) {
  const int64_t bytes = quant_bytes(form);
  return is_paired(form) ? block / 2 * (2 * bytes + 64) + 2 * bytes + block % 2 * 32
                         : block * (bytes + 64) + bytes;
}

}  // namespace
}  // namespace serval
