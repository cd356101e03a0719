#include "tests/kernels/cuda/simulated.h"

namespace serval {
namespace {

void expect_ok(const Status& status) {
  if (!status.ok()) ADD_FAILURE() << status.error().message;
}

template <auto Entry, class Args>
void run(const Args& a) {
  expect_ok((kCudaOps.*Entry)(a, nullptr));
}

template <auto Entry, class Value>
Value reduce(const float* x, int64_t n) {
  Value value{};
  expect_ok((kCudaOps.*Entry)(x, n, &value, nullptr));
  return value;
}

bool always() { return true; }

constexpr Ops kSimulatedOps = {
    .name = "cuda_on_cpu",
    .usable = always,
    .quantize_rows = run<&CudaOps::quantize_rows>,
    .matmul = run<&CudaOps::matmul>,
    .rms_norm = run<&CudaOps::rms_norm>,
    .rope = run<&CudaOps::rope>,
    .silu_mul = run<&CudaOps::silu_mul>,
    .gelu_mul = run<&CudaOps::gelu_mul>,
    .mix_rows = run<&CudaOps::mix_rows>,
    .soft_cap = run<&CudaOps::soft_cap>,
    .add = run<&CudaOps::add>,
    .exp = run<&CudaOps::exp>,
    .kv_write = run<&CudaOps::kv_write>,
    .attention = run<&CudaOps::attention>,
    .join_spans = nullptr,  // its attention makes no parts
    .mla_write = run<&CudaOps::mla_write>,
    .mla_attention = run<&CudaOps::mla_attention>,
    .prepare_rows = nullptr,  // kernels of encoders: none on CUDA
    .norm_rows = nullptr,
    .dense = nullptr,
    .packed_attention = nullptr,
    .argmax = reduce<&CudaOps::argmax, int64_t>,
    .max = reduce<&CudaOps::max, float>,
    .log_sum_exp = reduce<&CudaOps::log_sum_exp, float>,
};

}  // namespace

const Ops& simulated_ops() { return kSimulatedOps; }

}  // namespace serval
