// Half-precision conversions for one value. Static: each object that includes this keeps its own
// copy, so code compiled for a newer CPU can never be linked into a path for an older one.
// constexpr makes them callable in CUDA kernels too.
#pragma once

#include <cstdint>

namespace serval {
namespace {

[[maybe_unused]] constexpr float bits_to_float(uint32_t bits) {
  return __builtin_bit_cast(float, bits);
}

[[maybe_unused]] constexpr uint32_t float_to_bits(float value) {
  return __builtin_bit_cast(uint32_t, value);
}

// Exponent and mantissa move to their float place; one multiplication by 2^112 rebases the
// exponent and also turns subnormals into normal numbers. 0x7c00 and above is inf or NaN.
[[maybe_unused]] constexpr float f16_to_f32(uint16_t half) {
  const uint32_t magnitude = half & 0x7fffu;
  const uint32_t sign = uint32_t(half & 0x8000u) << 16;
  const uint32_t rebased = float_to_bits(bits_to_float(magnitude << 13) * 0x1p112f);
  const uint32_t special = magnitude << 13 | 0x7f800000u;
  return bits_to_float(sign | (magnitude >= 0x7c00u ? special : rebased));
}

// Rounds to nearest even, overflows to infinity, keeps NaN.
[[maybe_unused]] constexpr uint16_t f32_to_f16(float value) {
  const uint32_t bits = float_to_bits(value);
  const uint16_t sign = uint16_t(bits >> 16 & 0x8000u);
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return uint16_t(sign | 0x7e00u);
  if (magnitude >= 0x477ff000u) return uint16_t(sign | 0x7c00u);  // 65520 and above
  if (magnitude < 0x38800000u) {
    // Below 2^-14: adding 0.5 leaves the value as a count of 2^-24 in the low mantissa bits,
    // rounded by the addition itself.
    const float shifted = bits_to_float(magnitude) + 0.5f;
    return uint16_t(sign | (float_to_bits(shifted) - 0x3f000000u));
  }
  const uint32_t odd = magnitude >> 13 & 1u;
  return uint16_t(sign | ((magnitude - 0x38000000u + 0xfffu + odd) >> 13));
}

// Rounds to nearest even; NaN stays NaN.
[[maybe_unused]] constexpr uint16_t f32_to_bf16(float value) {
  const uint32_t bits = float_to_bits(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return uint16_t(bits >> 16 | 0x40u);
  return uint16_t((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

[[maybe_unused]] constexpr float bf16_to_f32(uint16_t bits) {
  return bits_to_float(uint32_t(bits) << 16);
}

}  // namespace
}  // namespace serval
