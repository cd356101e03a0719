// Activations to int8 records: 32 threads a record, one a column.
#include "kernels/cuda/device.h"
#include "kernels/quant_rows.h"

namespace serval::cuda {
namespace {

constexpr int kRecords = kThreads / kBlockCols;  // of one thread block

// Record number `index` of the call: tokens one after the other, each its blocks in order.
__global__ void quantize_rows_kernel(QuantizeRows a) {
  __shared__ float peaks[kThreads];
  __shared__ int sums[kThreads];
  const int lane = int(threadIdx.x) % kBlockCols, base = int(threadIdx.x) - lane;
  const int64_t blocks = a.cols / kBlockCols;
  const int64_t index = int64_t(blockIdx.x) * kRecords + base / kBlockCols;
  const bool live = index < blocks * (a.token_end - a.token_begin);
  const int token = a.token_begin + (live ? int(index / blocks) : 0);
  const int64_t block = live ? index % blocks : 0;

  float x = live ? a.x[token * a.x_stride + block * kBlockCols + lane] : 0.0f;
  if (!(fabsf(x) <= 3.40282347e38f)) x = 0;  // NaN and infinity
  peaks[threadIdx.x] = fabsf(x);
  for (int half = kBlockCols / 2; half > 0; half /= 2) {
    __syncthreads();
    if (lane < half) peaks[base + lane] = fmaxf(peaks[base + lane], peaks[base + lane + half]);
  }
  __syncthreads();
  const float peak = peaks[base];

  // The quotient first: x * 127 could overflow, 127 / peak too.
  const int q = peak > 0 ? int(rintf(x / peak * 127.0f)) : 0;
  sums[threadIdx.x] = q;
  // Columns 0..15 and 16..31 apart: their sums end in [base] and [base + 16].
  for (int half = kBlockCols / 4; half > 0; half /= 2) {
    __syncthreads();
    if (lane % (kBlockCols / 2) < half) sums[base + lane] += sums[base + lane + half];
  }
  __syncthreads();
  if (!live) return;
  const QuantTile tile = quant_tile(token / kTileTokens, a.tokens, blocks);
  QuantRecord& r = static_cast<QuantRecord*>(
      a.out)[tile.first_record + block * tile.tokens + token % kTileTokens];
  r.q[lane] = int8_t(q);
  if (lane != 0) return;
  const int low = sums[base], sum = low + sums[base + kBlockCols / 2];
  r.scale = peak / 127.0f;
  r.scaled_sum = r.scale * float(sum);
  r.minus_sum = -sum;
  r.minus_sum_low = -low;
}

}  // namespace

Status quantize_rows(const QuantizeRows& a, CudaStream stream) {
  const int64_t records = a.cols / kBlockCols * (a.token_end - a.token_begin);
  return launch("quantize_rows", quantize_rows_kernel, ceil_div(records, kRecords), kThreads,
                stream, a);
}

}  // namespace serval::cuda
