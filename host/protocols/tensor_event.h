// Tensors that models emit, and what answers make of them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "host/request/request.h"

namespace serval::host {

// internal: meta_json does not say f32, or its shape is not of `rank` dimensions or not that of the
// data. The sizes of the dimensions otherwise.
Result<std::vector<std::size_t>> check_tensor(const Event& event, std::size_t rank);

struct Rank {
  uint32_t index = 0;  // of the text
  float score = 0;
};
// Best first, equal ones in the order of the texts.
// scores  f32[texts]
// errors  internal: another number of scores, or one that is not finite
Result<std::vector<Rank>> ranked(std::string_view scores, std::size_t texts);

// Cosine of two vectors of equal length, f32[n] each; 0 when one of them is 0.
float cosine(std::string_view a, std::string_view b);

}  // namespace serval::host
