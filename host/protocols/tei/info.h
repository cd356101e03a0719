// GET /info: what text-embeddings-inference says of a model.
#pragma once

#include <string>

#include "common/json.h"
#include "common/result.h"

namespace serval::host {

// What the server adds to it.
struct TeiServer {
  std::string version;
  std::size_t connections = 0;  // open at once
};

// description: what the operation `describe` gives (docs/requests.md). Fields that nobody here
// knows are null. internal: it is no description.
Result<std::string> tei_info(std::string_view description, const std::string& model,
                             const std::string& path, const TeiServer& server);

}  // namespace serval::host
