#include "plugins/llm/coarse_head.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/float16.h"
#include "kernels/packed_layout.h"
#include "kernels/quant_rows.h"

namespace serval::llm {
namespace {

// Standard deviations of the copy's rounding errors. A uniform error in [-h, h] is sub-Gaussian
// with its own variance h^2/3, so a weighted sum of independent ones passes 10 deviations with a
// probability below 2 exp(-50) = 4e-22, whatever the weights.
constexpr double kDeviations = 10;
// Of a block's sum of 32 activations: bf16 rounds it by 2^-9, and it is at most sqrt(32) times
// their norm.
constexpr double kSumRounding = 0x1p-9 * 5.657;
// Of sums of floats, relative to the product of the norms: some 40 roundings of 2^-24 each.
constexpr double kFloatRounding = 1e-5;

// 32 floats as a block of the file type Q4_1: d, minimum, 16 bytes of nibbles.
void put_q4_1(const float* x, uint8_t* out) {
  const auto [low, high] = std::minmax_element(x, x + 32);
  const uint16_t d = f32_to_f16((*high - *low) / 15), m = f32_to_f16(*low);
  std::memcpy(out, &d, 2);
  std::memcpy(out + 2, &m, 2);
  const float step = f16_to_f32(d), minimum = f16_to_f32(m);
  const auto nibble = [&](float value) {
    const float q = step > 0 ? std::nearbyint((value - minimum) / step) : 0;
    return uint8_t(std::clamp(q, 0.0f, 15.0f));
  };
  for (int i = 0; i < 16; ++i) out[4 + i] = uint8_t(nibble(x[i]) | nibble(x[i + 16]) << 4);
}

// What two blocks of 32 weights differ by: at most `greatest` in any column; `certain` times the
// norm of the block's activations bounds what rounding of sums adds.
struct BlockDifference {
  double greatest, certain;
};

BlockDifference difference(const PackedBlock& exact, const PackedBlock& copy) {
  double greatest = 0, size = 0;
  for (int i = 0; i < 32; ++i) {
    const double a = double(exact.d[i / 16]) * (exact.q[i] - exact.zero) + exact.offset;
    const double b = double(copy.d[i / 16]) * (copy.q[i] - copy.zero) + copy.offset;
    greatest = std::max(greatest, std::fabs(a - b));
    size += a * a + b * b;
  }
  const double offsets = std::fabs(exact.offset) + std::fabs(copy.offset);
  return {greatest, kSumRounding * offsets + kFloatRounding * std::sqrt(2 * size)};
}

uint16_t bf16_above(double value) {
  uint16_t bits = f32_to_bf16(float(value));
  if (double(bf16_to_f32(bits)) < value) ++bits;
  return bits;
}

void measure_row(const PackedMatrix& head, const PackedMatrix& coarse, int64_t row,
                 const CoarseHeadMemory& out) {
  const int64_t blocks = head.cols / kBlockCols;
  double greatest = 0, certain = 0;
  for (int64_t b = 0; b < blocks; ++b) {
    const BlockDifference d =
        difference(read_packed_block(head, row, b), read_packed_block(coarse, row, b));
    greatest = std::max(greatest, d.greatest);
    certain += d.certain * d.certain;
    out.spread[row * blocks + b] = bf16_above(d.greatest);
  }
  constexpr float kUp = 1 + 1e-6f;
  out.certain[row] = float(std::sqrt(certain)) * kUp;
  out.slack[row] = float(kDeviations * greatest / std::sqrt(3.0) + std::sqrt(certain)) * kUp;
}

}  // namespace

bool wants_coarse_head(const PackedMatrix& head) {
  return !is_float_form(head.form) && quant_bytes(head.form) == 512;
}

void build_coarse_head(const PackedMatrix& head, int64_t group_begin, int64_t group_end,
                       const CoarseHeadMemory& out) {
  const std::size_t stride = row_bytes(WeightType::q4_1, head.cols);
  const int64_t blocks = head.cols / kBlockCols;
  const PackedMatrix coarse = packed_matrix(WeightType::q4_1, head.rows, head.cols, out.w);
  std::vector<float> row(std::size_t(head.cols));
  std::vector<uint8_t> file(std::size_t(kGroupRows) * stride);  // one group in file layout
  for (int64_t g = group_begin; g < group_end; ++g) {
    const int64_t first = g * kGroupRows, last = std::min(first + kGroupRows, head.rows);
    for (int64_t r = first; r < last; ++r) {
      dequantize_packed_row(head, r, row.data());
      for (int64_t b = 0; b < blocks; ++b)
        put_q4_1(row.data() + b * kBlockCols,
                 file.data() + std::size_t(r - first) * stride + std::size_t(b) * 20);
    }
    pack(WeightType::q4_1, file.data(), last - first, head.cols, 0, 1,
         static_cast<uint8_t*>(out.w) + std::size_t(g) * group_bytes(WeightType::q4_1, head.cols));
    for (int64_t r = first; r < last; ++r) measure_row(head, coarse, r, out);
  }
}

float quantised_norm(const void* quantised, int tokens, int64_t cols, int token,
                     std::vector<float>& squares) {
  const int64_t records = records_of(cols), blocks = cols / kBlockCols;
  const QuantTile tile = quant_tile(token / kTileTokens, tokens, records);
  const QuantRecord* record =
      static_cast<const QuantRecord*>(quantised) + tile.first_record + token % kTileTokens;
  squares.resize(std::size_t(blocks));
  double sum = 0;
  for (int64_t b = 0; b < blocks; ++b) {
    const QuantRecord& r = record[b / kRecordBlocks * tile.tokens];
    const int8_t* q = r.q + b % kRecordBlocks * kBlockCols;
    int square = 0;
    for (int i = 0; i < kBlockCols; ++i) square += q[i] * q[i];
    squares[std::size_t(b)] = r.scale * r.scale * float(square) * (1 + 1e-6f);
    sum += double(squares[std::size_t(b)]);
  }
  return float(std::sqrt(sum)) * (1 + 1e-6f);
}

void find_candidates(const CoarseHead& head, const float* coarse, float norm,
                     std::span<const float> squares, float least, int begin, int end,
                     std::size_t most, std::vector<int>& out) {
  const float scale = float(kDeviations / std::sqrt(3.0)) * (1 + 1e-5f);
  for (int i = begin; i < end; ++i) {
    if (coarse[i] + head.slack[i] * norm < least) continue;
    const uint16_t* spread = head.spread + std::size_t(i) * squares.size();
    float variance = 0;
    for (std::size_t b = 0; b < squares.size(); ++b) {
      const float s = bf16_to_f32(spread[b]);
      variance += s * s * squares[b];
    }
    if (coarse[i] + scale * std::sqrt(variance) + head.certain[i] * norm < least) continue;
    out.push_back(i);
    if (out.size() > most) return;
  }
}

}  // namespace serval::llm
