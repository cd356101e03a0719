// The operations of ops.h as CUDA kernels: same names, same argument structs, same contracts, with
// every pointer in the struct (and every pointer those point at) in device memory.
//
// State: compiled and linked with the CUDA toolkit, and checked as C++ on a simulator of the
// execution model against the reference table. Never run on a GPU; nothing is claimed about speed
// there. No plugin uses this table yet.
//
// Every launcher puts work on `stream` (null: the default stream) and returns without waiting for
// it; the memory must stay as it is until that work is done. Packed matrices, quantised
// activations and cache blocks have the very layout of the CPU tables, so bytes may be copied over.
// Errors: invalid_argument if a call is larger than one launch can be (about 2^31 blocks),
// unavailable if the CUDA runtime refuses the launch, for example because there is no device.
// Thread rule: reentrant. Determinism: as ops.h, within this table.
#pragma once

#include "kernels/ops.h"

struct CUstream_st;  // what cudaStream_t points at; this header needs no toolkit

namespace serval {

using CudaStream = CUstream_st*;

struct CudaOps {
  const char* name;
  Status (*quantize_rows)(const QuantizeRows&, CudaStream stream);
  Status (*matmul)(const MatMul&, CudaStream stream);
  Status (*rms_norm)(const RmsNorm&, CudaStream stream);
  Status (*rope)(const Rope&, CudaStream stream);
  Status (*silu_mul)(const GatedMul&, CudaStream stream);
  Status (*gelu_mul)(const GatedMul&, CudaStream stream);
  Status (*mix_rows)(const MixRows&, CudaStream stream);
  Status (*soft_cap)(const SoftCap&, CudaStream stream);
  Status (*add)(const Add&, CudaStream stream);
  Status (*exp)(const Exp&, CudaStream stream);
  Status (*kv_write)(const KvWrite&, CudaStream stream);
  Status (*attention)(const Attention&, CudaStream stream);
  // The result goes to *out, one value in device memory.
  Status (*argmax)(const float* x, int64_t n, int64_t* out, CudaStream stream);
  Status (*max)(const float* x, int64_t n, float* out, CudaStream stream);
  Status (*log_sum_exp)(const float* x, int64_t n, float* out, CudaStream stream);
};

// All entries are present.
extern const CudaOps kCudaOps;

}  // namespace serval
