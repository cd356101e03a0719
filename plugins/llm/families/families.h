// The model families this plugin knows. docs/adding-a-model.md walks through one.
#pragma once

#include <string_view>

#include "plugins/llm/shape.h"
#include "plugins/llm/shape_reader.h"

namespace serval::llm {

// One file in this folder each.
struct Family {
  std::string_view architecture;  // general.architecture in the file
  // Says what this family does otherwise than the plain transformer. The shape holds all common
  // values already; errors go to the reader.
  void (*describe)(ShapeReader& read, ModelShape& shape);
};

extern const Family kGemma3;
extern const Family kLlama;
extern const Family kQwen2;
extern const Family kQwen3;
extern const Family kQwen3Moe;

// Error: unimplemented, naming the architecture and those that are known.
Result<const Family*> find_family(std::string_view architecture);

// Reads expert_count and the like and gives every layer experts; for families whose files all have
// them, or may have them (then expert_count decides).
void read_experts(ShapeReader& read, ModelShape& shape);

}  // namespace serval::llm
