// Is a JSON Schema one that the host can enforce? See serval/ext/schema.h.
#pragma once

#include <string>
#include <vector>

#include "serval/sdk/json.hpp"

namespace serval::check {

// Empty when the schema is fine; else what is wrong, each with its place.
std::vector<std::string> schema_problems(const sdk::Json& schema);

}  // namespace serval::check
