// The avx512 table: AVX-512 F, BW, VL, DQ, VNNI, BF16. Everything here is local to this object but
// the table itself, so the linker can never hand this code to a path meant for another CPU.
#include <immintrin.h>

#include "kernels/dense_layout.h"
#include "kernels/float16.h"
#include "kernels/kv_layout.h"
#include "kernels/packed_layout.h"
#include "kernels/quant_rows.h"
#include "kernels/tables.h"

namespace serval {
namespace {
// clang-format off
// each needs the one before
#include "kernels/cpu/vec_avx512.inl"
#include "kernels/cpu/dot_avx512.inl"
#include "kernels/cpu/dense_tile_avx512.inl"
#include "kernels/cpu/bodies.inl"
// clang-format on
}  // namespace

constinit const Ops kAvx512Ops = make_table("avx512", cpu_has_avx512, true, true);

}  // namespace serval
