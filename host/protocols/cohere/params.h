// Bodies of Cohere's rerank, checked. Everything that is wrong, unknown or not supported is refused
// with its name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace serval::host {

struct CohereRerank {
  std::string model;  // "" for none
  std::string query;
  std::vector<std::string> texts;
  std::vector<std::string> documents;  // as JSON objects, to be returned; empty: not asked for
  std::size_t top_n = 0;               // results; at most the number of texts
};

// invalid_argument with the key in `param`. most: documents
Result<CohereRerank> parse_cohere_rerank(std::string_view body, std::size_t most);

}  // namespace serval::host
