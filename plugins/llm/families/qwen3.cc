// Qwen3, dense (Yang et al. 2025): no bias; each head of queries and keys is normalised before it
// is rotated; the head dimension (attention.key_length) need not be hidden / heads.
#include "plugins/llm/families/families.h"

namespace serval::llm {
namespace {

void describe(ShapeReader&, ModelShape& shape) { shape.qk_norm = true; }

}  // namespace

const Family kQwen3 = {"qwen3", describe};

}  // namespace serval::llm
