// The generic table: any x86-64. Everything here is local to this object but the table itself, so
// the linker can never hand this code to a path meant for another CPU.
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
#include "kernels/cpu/vec_generic.inl"
#include "kernels/cpu/dot_generic.inl"
#include "kernels/cpu/dense_tile_generic.inl"
#include "kernels/cpu/bodies.inl"
// clang-format on
}  // namespace

constinit const Ops kGenericOps = make_table("generic", always_usable, false, false);

}  // namespace serval
