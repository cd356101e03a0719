// The part of JSON Schema that serval.schema/1 names (serval/ext/schema.h), enforced to the letter.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/json.h"
#include "common/result.h"

namespace serval::host {

struct SchemaError {
  std::string pointer;  // RFC 6901 into the checked value; "" is the whole of it
  std::string message;
};

// Immutable, thread-safe to use; copies share.
class ConfigSchema {
 public:
  // invalid_argument: not JSON, a keyword that is not enforced, a keyword's value of a wrong type;
  // the message holds the pointer into the schema.
  static Result<ConfigSchema> parse(std::string_view text);

  // All that is wrong with the value, in the order of the value; empty if it is right.
  std::vector<SchemaError> check(const json::value& value) const;

  struct Node;

 private:
  explicit ConfigSchema(std::shared_ptr<const Node> root) : root_(std::move(root)) {}
  std::shared_ptr<const Node> root_;
};

// Errors as lines of "pointer: message".
std::string join_errors(const std::vector<SchemaError>& errors);

}  // namespace serval::host
