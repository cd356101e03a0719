#include "common/formats/gguf_types.h"

#include <array>

namespace serval {
namespace {

using enum GgufTensorType;

constexpr std::array kTypes = {
    GgufTypeInfo{f32, "F32", 1, 4},
    GgufTypeInfo{f16, "F16", 1, 2},
    GgufTypeInfo{bf16, "BF16", 1, 2},
    GgufTypeInfo{f64, "F64", 1, 8},
    GgufTypeInfo{i8, "I8", 1, 1},
    GgufTypeInfo{i16, "I16", 1, 2},
    GgufTypeInfo{i32, "I32", 1, 4},
    GgufTypeInfo{i64, "I64", 1, 8},
    // 32 values: one f16 scale (two with _1: scale and minimum), then 4, 5 or 8 bits a value.
    GgufTypeInfo{q4_0, "Q4_0", 32, 18},
    GgufTypeInfo{q4_1, "Q4_1", 32, 20},
    GgufTypeInfo{q5_0, "Q5_0", 32, 22},
    GgufTypeInfo{q5_1, "Q5_1", 32, 24},
    GgufTypeInfo{q8_0, "Q8_0", 32, 34},
    GgufTypeInfo{q8_1, "Q8_1", 32, 40},
    GgufTypeInfo{iq4_nl, "IQ4_NL", 32, 18},
    GgufTypeInfo{mxfp4, "MXFP4", 32, 17},
    // 256 values in sub-blocks with scales of their own.
    GgufTypeInfo{q2_k, "Q2_K", 256, 84},
    GgufTypeInfo{q3_k, "Q3_K", 256, 110},
    GgufTypeInfo{q4_k, "Q4_K", 256, 144},
    GgufTypeInfo{q5_k, "Q5_K", 256, 176},
    GgufTypeInfo{q6_k, "Q6_K", 256, 210},
    GgufTypeInfo{q8_k, "Q8_K", 256, 292},
    GgufTypeInfo{iq2_xxs, "IQ2_XXS", 256, 66},
    GgufTypeInfo{iq2_xs, "IQ2_XS", 256, 74},
    GgufTypeInfo{iq2_s, "IQ2_S", 256, 82},
    GgufTypeInfo{iq3_xxs, "IQ3_XXS", 256, 98},
    GgufTypeInfo{iq3_s, "IQ3_S", 256, 110},
    GgufTypeInfo{iq1_s, "IQ1_S", 256, 50},
    GgufTypeInfo{iq1_m, "IQ1_M", 256, 56},
    GgufTypeInfo{iq4_xs, "IQ4_XS", 256, 136},
    GgufTypeInfo{tq1_0, "TQ1_0", 256, 54},
    GgufTypeInfo{tq2_0, "TQ2_0", 256, 66},
};

}  // namespace

const GgufTypeInfo* gguf_type_info(GgufTensorType type) {
  for (const GgufTypeInfo& info : kTypes)
    if (info.type == type) return &info;
  return nullptr;
}

}  // namespace serval
