// What one model family does differently from the plain pre-norm transformer with gated
// feed-forward.
#pragma once

#include <string_view>

#include "common/result.h"
#include "kernels/ops.h"

namespace serval::llm {

struct Family {
  std::string_view architecture;  // general.architecture in the file
  RopeLayout rope_layout;
  bool qkv_bias;
};

// Error: unimplemented, naming the architecture and those that are known.
Result<Family> find_family(std::string_view architecture);

}  // namespace serval::llm
