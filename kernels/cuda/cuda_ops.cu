#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/launchers.h"

namespace serval {

const CudaOps kCudaOps = {
    .name = "cuda",
    .quantize_rows = cuda::quantize_rows,
    .matmul = cuda::matmul,
    .rms_norm = cuda::rms_norm,
    .rope = cuda::rope,
    .silu_mul = cuda::silu_mul,
    .gelu_mul = cuda::gelu_mul,
    .mix_rows = cuda::mix_rows,
    .soft_cap = cuda::soft_cap,
    .add = cuda::add,
    .exp = cuda::exp,
    .kv_write = cuda::kv_write,
    .attention = cuda::attention,
    .argmax = cuda::argmax,
    .max = cuda::max,
    .log_sum_exp = cuda::log_sum_exp,
};

}  // namespace serval
