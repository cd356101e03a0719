// Where the parts of a packed group lie. The one place that knows the byte offsets of pack.h's
// table; shared by the packer and every kernel. Static for the reason float16.h gives.
#pragma once

#include <cstdint>

#include "kernels/pack.h"

namespace serval {
namespace {

// Bytes of quants in one block of 16 rows x 32 columns.
[[maybe_unused]] constexpr int64_t quant_bytes(PackedForm form) {
  return form == PackedForm::nibble || form == PackedForm::nibble_offset ? 256 : 512;
}

[[maybe_unused]] constexpr bool has_offsets(PackedForm form) {
  return form == PackedForm::nibble_offset || form == PackedForm::byte_offset;
}

// Bytes of f16 scales of one block.
[[maybe_unused]] constexpr int64_t scale_bytes(PackedForm form) {
  return form == PackedForm::byte_16 ? 64 : 32;
}

// Two blocks stand together: their quants, their scales, their offsets. So every vector of quants
// is 64-byte aligned and the offsets lie in the order a bf16 dot product reads. An odd last block
// has a neighbour of zeros.
[[maybe_unused]] constexpr int64_t pair_bytes(PackedForm form) {
  return 2 * quant_bytes(form) + 2 * scale_bytes(form) + (has_offsets(form) ? 64 : 0);
}

[[maybe_unused]] constexpr int64_t quants_at(PackedForm form, int64_t block) {
  return block / 2 * pair_bytes(form) + block % 2 * quant_bytes(form);
}

// 16 f16 scales of the block; byte_16: of its columns 0..15, then of 16..31.
[[maybe_unused]] constexpr int64_t scales_at(PackedForm form, int64_t block) {
  return block / 2 * pair_bytes(form) + 2 * quant_bytes(form) + block % 2 * scale_bytes(form);
}

// bf16 [16 rows][2 blocks]. REQUIRES: has_offsets(form).
[[maybe_unused]] constexpr int64_t offsets_at(PackedForm form, int64_t pair) {
  return pair * pair_bytes(form) + 2 * quant_bytes(form) + 2 * scale_bytes(form);
}

}  // namespace
}  // namespace serval
