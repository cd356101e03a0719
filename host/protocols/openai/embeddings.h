// POST /v1/embeddings and its alias /embeddings.
#pragma once

#include <string>
#include <string_view>

#include "host/protocols/item_inputs.h"
#include "host/protocols/openai/routes.h"

namespace serval::host {

// A body, checked and turned into parameters of `embed`.
struct EmbeddingParams {
  std::string model;
  ItemInputs inputs;  // texts or token ids, not both, none of them empty
  bool base64 = false;
  json::object plugin;  // without token_ids
};
// invalid_argument with the key in `param`. most: items
Result<EmbeddingParams> parse_embeddings(std::string_view body, std::size_t most);

Handled embeddings(const OpenAiOptions& options, const HttpRequest& http);

}  // namespace serval::host
