// The functions cuda_ops.cu puts into the table, each defined beside its kernel.
#pragma once

#include "kernels/cuda/cuda_ops.h"

namespace serval::cuda {

Status quantize_rows(const QuantizeRows& a, CudaStream stream);
Status matmul(const MatMul& a, CudaStream stream);
Status rms_norm(const RmsNorm& a, CudaStream stream);
Status rope(const Rope& a, CudaStream stream);
Status silu_mul(const GatedMul& a, CudaStream stream);
Status gelu_mul(const GatedMul& a, CudaStream stream);
Status mix_rows(const MixRows& a, CudaStream stream);
Status soft_cap(const SoftCap& a, CudaStream stream);
Status add(const Add& a, CudaStream stream);
Status exp(const Exp& a, CudaStream stream);
Status kv_write(const KvWrite& a, CudaStream stream);
Status attention(const Attention& a, CudaStream stream);
Status argmax(const float* x, int64_t n, int64_t* out, CudaStream stream);
Status max(const float* x, int64_t n, float* out, CudaStream stream);
Status log_sum_exp(const float* x, int64_t n, float* out, CudaStream stream);

}  // namespace serval::cuda
