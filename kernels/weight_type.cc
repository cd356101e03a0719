// Facts about each GGUF element type and the packed form it gets.
#include "kernels/float16.h"
#include "kernels/quant_block.h"

namespace serval {

Result<WeightType> weight_type(uint32_t gguf_type) {
  const WeightType type = static_cast<WeightType>(gguf_type);
  if (block_info(type).bytes > 0) return type;
  return error(Code::unimplemented, "GGUF tensor type " + std::to_string(gguf_type) +
                                        " has no kernel; supported are F32, F16, BF16, Q4_0, "
                                        "Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K and Q6_K");
}

const char* weight_type_name(WeightType type) {
  switch (type) {
    case WeightType::f32:
      return "F32";
    case WeightType::f16:
      return "F16";
    case WeightType::q4_0:
      return "Q4_0";
    case WeightType::q4_1:
      return "Q4_1";
    case WeightType::q5_0:
      return "Q5_0";
    case WeightType::q5_1:
      return "Q5_1";
    case WeightType::q8_0:
      return "Q8_0";
    case WeightType::q4_k:
      return "Q4_K";
    case WeightType::q5_k:
      return "Q5_K";
    case WeightType::q6_k:
      return "Q6_K";
    case WeightType::bf16:
      return "BF16";
  }
  return "unknown";
}

BlockInfo block_info(WeightType type) {
  switch (type) {
    case WeightType::f32:
      return {1, 4};
    case WeightType::f16:
      return {1, 2};
    case WeightType::bf16:
      return {1, 2};
    case WeightType::q4_0:
      return {32, 18};
    case WeightType::q4_1:
      return {32, 20};
    case WeightType::q5_0:
      return {32, 22};
    case WeightType::q5_1:
      return {32, 24};
    case WeightType::q8_0:
      return {32, 34};
    case WeightType::q4_k:
      return {256, 144};
    case WeightType::q5_k:
      return {256, 176};
    case WeightType::q6_k:
      return {256, 210};
  }
  return {1, 0};
}

std::size_t row_bytes(WeightType type, int64_t cols) {
  const BlockInfo info = block_info(type);
  return std::size_t(cols / info.elements) * std::size_t(info.bytes);
}

PackedForm packed_form(WeightType type) {
  switch (type) {
    case WeightType::q4_0:
      return PackedForm::nibble;
    case WeightType::q4_1:
    case WeightType::q4_k:
      return PackedForm::nibble_offset;
    case WeightType::q5_0:
    case WeightType::q8_0:
      return PackedForm::byte;
    case WeightType::q5_1:
    case WeightType::q5_k:
      return PackedForm::byte_offset;
    case WeightType::q6_k:
      return PackedForm::byte_16;
    case WeightType::f16:
      return PackedForm::f16;
    case WeightType::bf16:
      return PackedForm::bf16;
    case WeightType::f32:
      break;
  }
  return PackedForm::f32;
}

bool is_float_form(PackedForm form) {
  return form == PackedForm::f32 || form == PackedForm::f16 || form == PackedForm::bf16;
}

void dequantize_row(WeightType type, const void* src, float* dst, int64_t cols) {
  const uint8_t* row = static_cast<const uint8_t*>(src);
  if (type == WeightType::f32) {
    __builtin_memcpy(dst, row, std::size_t(cols) * sizeof(float));
    return;
  }
  if (type == WeightType::f16 || type == WeightType::bf16) {
    for (int64_t i = 0; i < cols; ++i) {
      const uint16_t bits = uint16_t(row[2 * i] | row[2 * i + 1] << 8);
      dst[i] = type == WeightType::f16 ? f16_to_f32(bits) : bf16_to_f32(bits);
    }
    return;
  }
  const int zero = zero_point(type);
  QuantBlock block;
  for (int64_t b = 0; b < cols / 32; ++b) {
    read_quant_block(type, row, b, block);
    for (int i = 0; i < 32; ++i)
      dst[b * 32 + i] = block.d[i / 16] * float(block.q[i] - zero) + block.m;
  }
}

}  // namespace serval
