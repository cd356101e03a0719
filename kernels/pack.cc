#include "kernels/pack.h"

#include <algorithm>
#include <cstring>

#include "kernels/float16.h"
#include "kernels/packed_layout.h"
#include "kernels/quant_block.h"

namespace serval {
namespace {

constexpr int64_t kMaxSide = 0x7fffffff;
constexpr double kMaxBytes = 0x1p46;

int float_bytes(PackedForm form) { return form == PackedForm::f32 ? 4 : 2; }

void put_half(uint8_t* at, int row, float value) {
  const uint16_t bits = f32_to_f16(value);
  std::memcpy(at + row * 2, &bits, 2);
}

float get_half(const uint8_t* at, int row) {
  uint16_t bits;
  std::memcpy(&bits, at + row * 2, 2);
  return f16_to_f32(bits);
}

// Byte of column i of row j: vector i/4 of the block, byte j*4 + i%4. In the nibble forms vectors
// 4..7 are the high nibbles of vectors 0..3.
void put_block(WeightType type, const QuantBlock& block, int row, int64_t index, uint8_t* group) {
  const PackedForm form = packed_form(type);
  uint8_t* quants = group + quants_at(form, index);
  for (int i = 0; i < 32; ++i) {
    const int vector = i / 4, byte = row * 4 + i % 4;
    if (quant_bytes(form) == 512)
      quants[vector * 64 + byte] = block.q[i];
    else
      quants[vector % 4 * 64 + byte] |= uint8_t(block.q[i] << (vector / 4 * 4));
  }
  uint8_t* scales = group + scales_at(form, index);
  put_half(scales, row, block.d[0]);
  if (form == PackedForm::byte_16) put_half(scales + 32, row, block.d[1]);
  if (!has_offsets(form)) return;
  const int moved = packed_zero_point(type) - zero_point(type);
  const uint16_t offset = f32_to_bf16(block.m + float(moved) * block.d[0]);
  std::memcpy(group + offsets_at(form, index / 2) + (row * 2 + index % 2) * 2, &offset, 2);
}

void pack_float_group(const uint8_t* src, std::size_t stride, int element, int rows, int64_t cols,
                      uint8_t* group) {
  for (int j = 0; j < rows; ++j)
    for (int64_t k = 0; k < cols; ++k)
      std::memcpy(group + (k * kGroupRows + j) * element, src + j * stride + k * element,
                  std::size_t(element));
}

}  // namespace

Status check_packable(WeightType type, int64_t rows, int64_t cols) {
  const BlockInfo info = block_info(type);
  const std::string what = std::string(weight_type_name(type)) + " matrix of " +
                           std::to_string(rows) + " x " + std::to_string(cols);
  if (info.bytes == 0) return error(Code::unimplemented, "unknown weight type");
  if (rows < 1 || cols < 1 || rows > kMaxSide || cols > kMaxSide)
    return invalid(what + ": each side must be 1 to 2147483647");
  if (double(rows + kGroupRows) * double(cols + kBlockCols) * 4 > kMaxBytes)
    return invalid(what + " is too large");
  if (cols % info.elements != 0)
    return invalid(what + ": columns must be a multiple of " + std::to_string(info.elements));
  return {};
}

int64_t group_count(int64_t rows) { return (rows + kGroupRows - 1) / kGroupRows; }

std::size_t group_bytes(WeightType type, int64_t cols) {
  const PackedForm form = packed_form(type);
  if (is_float_form(form)) {
    const int64_t bytes = cols * kGroupRows * float_bytes(form);
    return std::size_t((bytes + kPackAlign - 1) / kPackAlign * kPackAlign);
  }
  const int64_t blocks = cols / kBlockCols;
  return std::size_t((blocks + 1) / 2 * pair_bytes(form));
}

std::size_t packed_bytes(WeightType type, int64_t rows, int64_t cols) {
  return std::size_t(group_count(rows)) * group_bytes(type, cols);
}

PackedMatrix packed_matrix(WeightType type, int64_t rows, int64_t cols, const void* packed) {
  return {packed, type, packed_form(type), rows, cols};
}

void pack(WeightType type, const void* src, int64_t rows, int64_t cols, int64_t group_begin,
          int64_t group_end, void* dst) {
  const PackedForm form = packed_form(type);
  const std::size_t stride = row_bytes(type, cols), bytes = group_bytes(type, cols);
  QuantBlock block;
  for (int64_t g = group_begin; g < group_end; ++g) {
    const uint8_t* first = static_cast<const uint8_t*>(src) + std::size_t(g * kGroupRows) * stride;
    uint8_t* group = static_cast<uint8_t*>(dst) + std::size_t(g) * bytes;
    const int live = int(std::min<int64_t>(kGroupRows, rows - g * kGroupRows));
    std::memset(group, 0, bytes);  // padding rows get scale 0; nibbles are or-ed in
    if (is_float_form(form)) {
      pack_float_group(first, stride, float_bytes(form), live, cols, group);
      continue;
    }
    for (int j = 0; j < live; ++j) {
      for (int64_t b = 0; b < cols / kBlockCols; ++b) {
        read_quant_block(type, first + std::size_t(j) * stride, b, block);
        put_block(type, block, j, b, group);
      }
    }
  }
}

PackedBlock read_packed_block(const PackedMatrix& w, int64_t row, int64_t block) {
  const uint8_t* group = static_cast<const uint8_t*>(w.data) +
                         std::size_t(row / kGroupRows) * group_bytes(w.type, w.cols);
  const int j = int(row % kGroupRows);
  const uint8_t* quants = group + quants_at(w.form, block) + j * 4;
  const uint8_t* scales = group + scales_at(w.form, block);
  PackedBlock out;
  out.zero = packed_zero_point(w.type);
  for (int i = 0; i < 32; ++i) {
    const int v = i / 4;
    out.q[i] = quant_bytes(w.form) == 512 ? quants[v * 64 + i % 4]
                                          : uint8_t(quants[v % 4 * 64 + i % 4] >> (v / 4 * 4) & 15);
  }
  out.d[0] = get_half(scales, j);
  out.d[1] = w.form == PackedForm::byte_16 ? get_half(scales + 32, j) : out.d[0];
  uint16_t offset = 0;
  if (has_offsets(w.form))
    std::memcpy(&offset, group + offsets_at(w.form, block / 2) + (j * 2 + block % 2) * 2, 2);
  out.offset = bf16_to_f32(offset);
  return out;
}

void dequantize_packed_row(const PackedMatrix& w, int64_t row, float* dst) {
  if (is_float_form(w.form)) {
    const uint8_t* group = static_cast<const uint8_t*>(w.data) +
                           std::size_t(row / kGroupRows) * group_bytes(w.type, w.cols);
    const int element = float_bytes(w.form);
    for (int64_t k = 0; k < w.cols; ++k)
      dequantize_row(w.type, group + (k * kGroupRows + row % kGroupRows) * element, dst + k, 1);
    return;
  }
  for (int64_t b = 0; b < w.cols / kBlockCols; ++b) {
    const PackedBlock block = read_packed_block(w, row, b);
    for (int i = 0; i < 32; ++i)
      dst[b * 32 + i] = block.d[i / 16] * float(block.q[i] - block.zero) + block.offset;
  }
}

}  // namespace serval
