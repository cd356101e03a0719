// Weight matrices: the GGUF element types, and the packed form the matmul kernels read.
//
// A GGUF tensor [rows, cols] is repacked at load time into groups of 16 output rows. One group
// holds the blocks of 32 columns one after the other, so both GEMV and GEMM stream it once, front
// to back. Inside a block the bytes stand in the order the dot-product instructions want: byte
// j*4+i of vector t is row j, column 4t+i of the block.
//
//   form           bits  from        two blocks (16 rows x 32 columns each)              scales
//   nibble         4     Q4_0        2 x 256 B quants, 2 x 16 f16 d                      exact
//   nibble_offset  4     Q4_1, Q4_K  the same, then [16 rows][2 blocks] bf16 offsets     Q4_1 exact
//   byte           8     Q8_0, Q5_0  2 x 512 B quants, 2 x 16 f16 d                      exact
//   byte_offset    8     Q5_1, Q5_K  the same, then [16 rows][2 blocks] bf16 offsets     Q5_1 exact
//   byte_16        8     Q6_K        2 x 512 B quants, 2 x 2 x 16 f16 d per 16 columns
//   f32 f16 bf16         F32 F16 BF16  [column][16 rows] elements                        exact
//
// Weight = d * (q - zero) + offset, with q unsigned and zero fixed by the type (8, 16, 32 or 128).
// The zero stands in the middle of the quants also where the file counts from 0 and adds a minimum:
// what is left of that minimum is small, so bf16 (2^-9 relative) holds it well. The K types keep
// d*sc as one f16: rounded by 2^-11 relative, half of 2^-24 absolute below 2^-14, infinite above
// 65504. The quants are exact.
// Rows are padded to a multiple of 16 with zero weights.
//
// Thread rule: every function here is reentrant and allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/result.h"

namespace serval {

inline constexpr int kGroupRows = 16;  // output rows of one packed group
inline constexpr int kBlockCols = 32;  // columns of one packed block
inline constexpr int kPackAlign = 64;  // alignment of packed memory, bytes
// Counts the changes of the layout above: packed weights are kept on disk, and those of another
// layout must not be taken for these. All instruction sets read the same layout.
inline constexpr int kPackLayout = 2;

// Element types of a GGUF tensor; the values are the numbers the file stores.
enum class WeightType : uint32_t {
  f32 = 0,
  f16 = 1,
  q4_0 = 2,
  q4_1 = 3,
  q5_0 = 6,
  q5_1 = 7,
  q8_0 = 8,
  q4_k = 12,
  q5_k = 13,
  q6_k = 14,
  bf16 = 30,
};

enum class PackedForm : uint8_t {
  nibble,
  nibble_offset,
  byte,
  byte_offset,
  byte_16,
  f32,
  f16,
  bf16
};

// A row of `cols` elements takes cols / elements blocks of `bytes` bytes in the file.
struct BlockInfo {
  int elements;
  int bytes;
};

// The type for a number read from a file. Error: unimplemented, naming the number.
Result<WeightType> weight_type(uint32_t gguf_type);
const char* weight_type_name(WeightType type);
BlockInfo block_info(WeightType type);
// Bytes of one row in the file. REQUIRES: cols is a multiple of block_info(type).elements.
std::size_t row_bytes(WeightType type, int64_t cols);

PackedForm packed_form(WeightType type);
// True for f32, f16 and bf16: the matmul then reads f32 activations, else quantised ones.
bool is_float_form(PackedForm form);

// A packed matrix. `data` belongs to the caller, is 64-byte aligned and packed_bytes() long.
struct PackedMatrix {
  const void* data = nullptr;
  WeightType type = WeightType::f32;
  PackedForm form = PackedForm::f32;
  int64_t rows = 0;
  int64_t cols = 0;
};

// Error: invalid_argument if a side is not in 1..2^31-1, the packed matrix would pass 2^46 bytes,
// or cols is not a multiple of the type's block (32, or 256 for the K types; any for floats).
Status check_packable(WeightType type, int64_t rows, int64_t cols);
// REQUIRES for all below: check_packable(type, rows, cols) is ok.
int64_t group_count(int64_t rows);  // groups of 16 rows, the last one padded
std::size_t group_bytes(WeightType type, int64_t cols);
std::size_t packed_bytes(WeightType type, int64_t rows, int64_t cols);
PackedMatrix packed_matrix(WeightType type, int64_t rows, int64_t cols, const void* packed);

// Packs row groups [group_begin, group_end) of src (file layout, row-major, any alignment, rows *
// row_bytes(type, cols) bytes) into dst, which points at the whole packed matrix. Calls on
// disjoint groups may run at the same time.
void pack(WeightType type, const void* src, int64_t rows, int64_t cols, int64_t group_begin,
          int64_t group_end, void* dst);

// One row of the file, src of any alignment, to dst [cols].
// REQUIRES: cols is a multiple of block_info(type).elements.
void dequantize_row(WeightType type, const void* src, float* dst, int64_t cols);

// 32 columns of one packed row: weight[i] = d[i / 16] * (q[i] - zero) + offset.
struct PackedBlock {
  uint8_t q[32];
  float d[2];
  float offset;
  int zero;
};
// Block `block` of row `row`. REQUIRES: an integer form.
PackedBlock read_packed_block(const PackedMatrix& w, int64_t row, int64_t block);

// Row `row` of a packed matrix to dst [cols]: embedding lookup without a second copy of the
// weights. Equal to dequantize_row up to the rounding of scales named above.
void dequantize_packed_row(const PackedMatrix& w, int64_t row, float* dst);

}  // namespace serval
