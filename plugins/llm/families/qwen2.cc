// Qwen2 and Qwen2.5 (Yang et al. 2024): queries, keys and values have a bias.
#include "plugins/llm/families/families.h"

namespace serval::llm {
namespace {

void describe(ShapeReader&, ModelShape& shape) { shape.qkv_bias = true; }

}  // namespace

const Family kQwen2 = {"qwen2", describe};

}  // namespace serval::llm
