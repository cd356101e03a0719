// Llama 1 to 3, SmolLM2, Mistral and, with experts, Mixtral (Jiang et al. 2024): the plain
// transformer.
#include "plugins/llm/families/families.h"

namespace serval::llm {
namespace {

void describe(ShapeReader& read, ModelShape& shape) {
  shape.rope_layout = RopeLayout::adjacent;  // converters permute Wq and Wk to adjacent pairs
  read_experts(read, shape);                 // Mixtral
}

}  // namespace

const Family kLlama = {"llama", describe};

}  // namespace serval::llm
