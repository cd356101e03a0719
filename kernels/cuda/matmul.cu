// y = x W^T from packed weights, tiled through shared memory. One block computes the 16 rows of a
// group for kTokens tokens, a thread one value: neighbours in a warp have neighbouring rows, as the
// packed bytes lie. Sums run over blocks of 32 columns in order, record by record, so a
// token's result does not depend on the others in the call.
#include "kernels/cuda/device.h"
#include "kernels/float16.h"
#include "kernels/packed_layout.h"
#include "kernels/quant_block.h"
#include "kernels/quant_rows.h"

namespace serval::cuda {
namespace {

constexpr int kTokens = kThreads / kGroupRows;  // of one thread block
constexpr int kStep = kRecordBlocks;            // packed blocks in shared memory at a time

// Where a thread works. Threads past the last row or token still load and synchronise.
struct Place {
  int row_in_group, token_in_tile;
  int64_t group, row;
  int first_token, token;
  bool live;
};

__device__ inline Place place_of(const MatMul& a) {
  Place p;
  const int64_t groups = a.group_end - a.group_begin;
  p.row_in_group = int(threadIdx.x) % kGroupRows;
  p.token_in_tile = int(threadIdx.x) / kGroupRows;
  p.group = a.group_begin + int64_t(blockIdx.x) % groups;
  p.first_token = a.token_begin + int(int64_t(blockIdx.x) / groups) * kTokens;
  p.row = p.group * kGroupRows + p.row_in_group;
  p.token = p.first_token + p.token_in_tile;
  p.live = p.row < a.w.rows && p.token < a.token_end;
  return p;
}

__device__ inline void finish(const MatMul& a, const Place& p, float sum) {
  if (!p.live) return;
  if (a.bias != nullptr) sum += a.bias[p.row];
  if (a.add != nullptr) sum += a.add[p.token * a.add_stride + p.row];
  a.y[p.token * a.y_stride + p.row] = sum;
}

// One weight of a float form as it stands in the packed matrix.
struct F32 {
  using Element = float;
  __device__ static float value(float element) { return element; }
};
struct F16 {
  using Element = uint16_t;
  __device__ static float value(uint16_t element) { return f16_to_f32(element); }
};
struct Bf16 {
  using Element = uint16_t;
  __device__ static float value(uint16_t element) { return bf16_to_f32(element); }
};

template <class Form>
__global__ void float_kernel(MatMul a, int64_t group_bytes) {
  __shared__ float w[kBlockCols][kGroupRows];
  __shared__ float x[kTokens][kBlockCols + 1];  // one more: tokens in different banks
  const Place p = place_of(a);
  const auto* group = reinterpret_cast<const typename Form::Element*>(
      static_cast<const uint8_t*>(a.w.data) + p.group * group_bytes);
  float sum = 0;
  for (int64_t k0 = 0; k0 < a.w.cols; k0 += kBlockCols) {
    const int cols = int(a.w.cols - k0 < kBlockCols ? a.w.cols - k0 : kBlockCols);
    for (int i = int(threadIdx.x); i < cols * kGroupRows; i += kThreads)
      w[i / kGroupRows][i % kGroupRows] = Form::value(group[k0 * kGroupRows + i]);
    for (int i = int(threadIdx.x); i < kTokens * kBlockCols; i += kThreads) {
      const int t = i / kBlockCols, k = i % kBlockCols;
      if (k < cols && p.first_token + t < a.token_end)
        x[t][k] = a.x[(p.first_token + t) * a.x_stride + k0 + k];
    }
    __syncthreads();
    float part = 0;  // a sum of its own keeps the rounding of long rows small
    if (p.live)
      for (int k = 0; k < cols; ++k) part += x[p.token_in_tile][k] * w[k][p.row_in_group];
    sum += part;
    __syncthreads();
  }
  finish(a, p, sum);
}

// The quants of packed block b to 128 words: word 16*v + j is row j, columns 4v to 4v+3.
__device__ inline uint32_t quant_word(PackedForm form, const uint8_t* group, int64_t b, int word) {
  const auto* words = reinterpret_cast<const uint32_t*>(group + quants_at(form, b));
  if (quant_bytes(form) == 512) return words[word];
  return words[word % 64] >> (word / 64 * 4) & 0x0f0f0f0fu;
}

__device__ inline float scale_at(const uint8_t* scales, int index) {
  return f16_to_f32(reinterpret_cast<const uint16_t*>(scales)[index]);
}

__device__ inline float offset_at(PackedForm form, const uint8_t* group, int64_t block, int row) {
  const uint8_t* offsets = group + offsets_at(form, block / 2);
  return bf16_to_f32(reinterpret_cast<const uint16_t*>(offsets)[row * 2 + block % 2]);
}

// Sum over four columns of unsigned weight x signed activation.
__device__ inline int dot4(uint32_t w, const int8_t* x) {
  return int(w & 255) * x[0] + int(w >> 8 & 255) * x[1] + int(w >> 16 & 255) * x[2] +
         int(w >> 24) * x[3];
}

template <PackedForm kForm>
__global__ void integer_kernel(MatMul a, int64_t group_bytes, int zero) {
  constexpr bool kSecond = kForm == PackedForm::byte_16;  // a second row of 16 scales
  __shared__ uint32_t quants[kStep][8 * kGroupRows];
  __shared__ float scales[kStep][2][kGroupRows];
  __shared__ float offsets[kStep][kGroupRows];
  __shared__ QuantRecord records[kTokens];
  const Place p = place_of(a);
  const uint8_t* group = static_cast<const uint8_t*>(a.w.data) + p.group * group_bytes;
  const int64_t blocks = a.w.cols / kBlockCols;
  float sum = 0;
  for (int64_t b0 = 0; b0 < blocks; b0 += kStep) {
    const int step = int(blocks - b0 < kStep ? blocks - b0 : kStep);
    for (int i = int(threadIdx.x); i < step * 128; i += kThreads)
      quants[i / 128][i % 128] = quant_word(kForm, group, b0 + i / 128, i % 128);
    for (int i = int(threadIdx.x); i < step * 2 * kGroupRows; i += kThreads) {
      const int s = i / 32, index = i % 32;
      if (kSecond || index < kGroupRows)
        scales[s][index / 16][index % 16] = scale_at(group + scales_at(kForm, b0 + s), index);
    }
    for (int i = int(threadIdx.x); has_offsets(kForm) && i < step * kGroupRows; i += kThreads)
      offsets[i / kGroupRows][i % kGroupRows] =
          offset_at(kForm, group, b0 + i / kGroupRows, i % kGroupRows);
    for (int i = int(threadIdx.x); i < kTokens; i += kThreads) {
      const int token = p.first_token + i;
      if (token >= a.token_end) continue;
      const QuantTile tile = quant_tile(token / kTileTokens, a.tokens, records_of(a.w.cols));
      records[i] = static_cast<const QuantRecord*>(
          a.x_q)[tile.first_record + b0 / kStep * tile.tokens + token % kTileTokens];
    }
    __syncthreads();
    const QuantRecord& r = records[p.token_in_tile];
    float part = 0;
    for (int s = 0; p.live && s < step; ++s) {
      int low = 0, high = 0;  // columns 0..15 and 16..31
      for (int v = 0; v < 4; ++v) {
        const int8_t* q = r.q + s * kBlockCols + 4 * v;
        low += dot4(quants[s][v * kGroupRows + p.row_in_group], q);
        high += dot4(quants[s][(v + 4) * kGroupRows + p.row_in_group], q + 16);
      }
      low += zero * r.minus_sum_low[s];
      high += zero * (r.minus_sum[s] - r.minus_sum_low[s]);
      const float d = scales[s][0][p.row_in_group];
      if (kSecond)
        part += d * float(low) + scales[s][1][p.row_in_group] * float(high);
      else
        part += d * float(low + high);
      if (has_offsets(kForm)) part += offsets[s][p.row_in_group] * bf16_to_f32(r.sums[s]);
    }
    if (p.live) sum += r.scale * part;
    __syncthreads();
  }
  finish(a, p, sum);
}

}  // namespace

Status matmul(const MatMul& a, CudaStream stream) {
  const int64_t groups = a.group_end - a.group_begin;
  const int64_t tiles = ceil_div(a.token_end - a.token_begin, kTokens);
  const int64_t blocks = groups > 0 && tiles > 0 ? groups * tiles : 0;
  const auto bytes = int64_t(group_bytes(a.w.type, a.w.cols));
  const auto run_float = [&](auto kernel) {
    return launch("matmul", kernel, blocks, kThreads, stream, a, bytes);
  };
  const auto run_integer = [&](auto kernel) {
    return launch("matmul", kernel, blocks, kThreads, stream, a, bytes,
                  packed_zero_point(a.w.type));
  };
  switch (a.w.form) {
    case PackedForm::nibble:
      return run_integer(integer_kernel<PackedForm::nibble>);
    case PackedForm::nibble_offset:
      return run_integer(integer_kernel<PackedForm::nibble_offset>);
    case PackedForm::byte:
      return run_integer(integer_kernel<PackedForm::byte>);
    case PackedForm::byte_offset:
      return run_integer(integer_kernel<PackedForm::byte_offset>);
    case PackedForm::byte_16:
      return run_integer(integer_kernel<PackedForm::byte_16>);
    case PackedForm::f16:
      return run_float(float_kernel<F16>);
    case PackedForm::bf16:
      return run_float(float_kernel<Bf16>);
    case PackedForm::f32:
      break;
  }
  return run_float(float_kernel<F32>);
}

}  // namespace serval::cuda
