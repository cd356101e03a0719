// One schema object, as read. Internal to host/schema.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "host/schema/config_schema.h"

namespace serval::host {

struct ConfigSchema::Node {
  using Child = std::shared_ptr<const Node>;

  std::vector<std::string> types;  // empty: any
  std::map<std::string, Child> properties;
  std::vector<std::string> required;
  bool additional_allowed = true;
  Child additional;  // schema of additional properties, if given
  Child items;
  std::vector<json::value> allowed;  // enum; empty: any
  std::optional<double> minimum, maximum;
  std::optional<uint64_t> min_length, max_length, min_items, max_items;
};

// Appends "/" and the token, escaped as RFC 6901 wants it.
std::string pointer_into(const std::string& base, std::string_view token);

}  // namespace serval::host
