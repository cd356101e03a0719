// Activations to int8 records: 32 threads a record, one a column of each of its blocks.
#include "kernels/cuda/device.h"
#include "kernels/float16.h"
#include "kernels/quant_rows.h"

namespace serval::cuda {
namespace {

constexpr int kRecords = kThreads / kBlockCols;  // of one thread block

__device__ inline float finite_or_zero(float x) { return fabsf(x) <= 3.40282347e38f ? x : 0.0f; }

// Record number `index` of the call: tokens one after the other, each its runs in order.
__global__ void quantize_rows_kernel(QuantizeRows a) {
  __shared__ float peaks[kThreads];
  __shared__ int sums[kThreads];
  const int lane = int(threadIdx.x) % kBlockCols, base = int(threadIdx.x) - lane;
  const int64_t records = records_of(a.cols);
  const int64_t index = int64_t(blockIdx.x) * kRecords + base / kBlockCols;
  const bool live = index < records * (a.token_end - a.token_begin);
  const int token = a.token_begin + (live ? int(index / records) : 0);
  const int64_t run = live ? index % records : 0;

  float x[kRecordBlocks];
  peaks[threadIdx.x] = 0;
  for (int b = 0; b < kRecordBlocks; ++b) {
    const int64_t col = run * kRecordCols + b * kBlockCols + lane;
    x[b] = live && col < a.cols ? finite_or_zero(a.x[token * a.x_stride + col]) : 0.0f;
    peaks[threadIdx.x] = fmaxf(peaks[threadIdx.x], fabsf(x[b]));
  }
  for (int half = kBlockCols / 2; half > 0; half /= 2) {
    __syncthreads();
    if (lane < half) peaks[base + lane] = fmaxf(peaks[base + lane], peaks[base + lane + half]);
  }
  __syncthreads();
  const float peak = peaks[base];

  const QuantTile tile = quant_tile(token / kTileTokens, a.tokens, records);
  QuantRecord& r =
      static_cast<QuantRecord*>(a.out)[tile.first_record + run * tile.tokens + token % kTileTokens];
  for (int b = 0; b < kRecordBlocks; ++b) {
    // The quotient first: x * 127 could overflow, 127 / peak too.
    const int q = peak > 0 ? int(rintf(x[b] / peak * 127.0f)) : 0;
    sums[threadIdx.x] = q;
    // Columns 0..15 and 16..31 apart: their sums end in [base] and [base + 16].
    for (int half = kBlockCols / 4; half > 0; half /= 2) {
      __syncthreads();
      if (lane % (kBlockCols / 2) < half) sums[base + lane] += sums[base + lane + half];
    }
    __syncthreads();
    if (live) r.q[b * kBlockCols + lane] = int8_t(q);
    if (live && lane == 0) {
      const int low = sums[base], sum = low + sums[base + kBlockCols / 2];
      r.minus_sum[b] = -sum;
      r.minus_sum_low[b] = -low;
      r.sums[b] = f32_to_bf16(float(sum));
    }
    __syncthreads();
  }
  if (live && lane == 0) r.scale = peak / 127.0f;
}

}  // namespace

Status quantize_rows(const QuantizeRows& a, CudaStream stream) {
  const int64_t records = records_of(a.cols) * (a.token_end - a.token_begin);
  return launch("quantize_rows", quantize_rows_kernel, ceil_div(records, kRecords), kThreads,
                stream, a);
}

}  // namespace serval::cuda
