// Qwen3 with experts (Yang et al. 2025): Qwen3's attention; routed experts in every layer.
#include "plugins/llm/families/families.h"

namespace serval::llm {
namespace {

void describe(ShapeReader& read, ModelShape& shape) {
  shape.qk_norm = true;
  read_experts(read, shape);
  if (read.status().ok() && shape.experts.count == 0) read.reject("expert_count is missing");
}

}  // namespace

const Family kQwen3Moe = {"qwen3moe", describe};

}  // namespace serval::llm
