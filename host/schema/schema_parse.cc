#include <algorithm>
#include <array>

#include "host/schema/schema_node.h"

namespace serval::host {
namespace {

using Node = ConfigSchema::Node;
using Child = Node::Child;

constexpr std::array<std::string_view, 7> kTypes = {"null",   "boolean", "integer", "number",
                                                    "string", "array",   "object"};

Error bad(const std::string& at, const std::string& what) {
  return invalid("schema, at \"" + at + "\": " + what);
}

Result<Child> parse_node(const json::value& value, const std::string& at);

Status parse_types(const json::value& value, const std::string& at, Node& node) {
  json::array list;
  if (value.is_string()) {
    list.push_back(value);
  } else if (value.is_array()) {
    list = value.as_array();
  }
  if (list.empty()) return bad(at, "want a type name or an array of them");
  for (const json::value& one : list) {
    if (!one.is_string() ||
        std::find(kTypes.begin(), kTypes.end(), std::string_view(one.as_string())) == kTypes.end())
      return bad(at, "unknown type " + json::serialize(one));
    node.types.emplace_back(one.as_string());
  }
  return {};
}

Status parse_properties(const json::value& value, const std::string& at, Node& node) {
  if (!value.is_object()) return bad(at, "want an object of schemas");
  for (const auto& [name, schema] : value.as_object()) {
    auto child = parse_node(schema, pointer_into(at, name));
    if (!child) return child.error();
    node.properties.emplace(name, std::move(*child));
  }
  return {};
}

Status parse_required(const json::value& value, const std::string& at, Node& node) {
  if (!value.is_array()) return bad(at, "want an array of names");
  for (const json::value& name : value.as_array()) {
    if (!name.is_string()) return bad(at, "want an array of names");
    node.required.emplace_back(name.as_string());
  }
  return {};
}

Status parse_additional(const json::value& value, const std::string& at, Node& node) {
  if (value.is_bool()) {
    node.additional_allowed = value.as_bool();
    return {};
  }
  auto child = parse_node(value, at);
  if (!child) return child.error();
  node.additional = std::move(*child);
  return {};
}

Status parse_count(const json::value& value, const std::string& at, std::optional<uint64_t>& out) {
  if (!value.is_int64() || value.as_int64() < 0) return bad(at, "want an integer from 0");
  out = uint64_t(value.as_int64());
  return {};
}

Status parse_number(const json::value& value, const std::string& at, std::optional<double>& out) {
  if (!value.is_number()) return bad(at, "want a number");
  out = value.to_number<double>();
  return {};
}

Status parse_keyword(std::string_view key, const json::value& value, const std::string& at,
                     Node& node) {
  if (key == "type") return parse_types(value, at, node);
  if (key == "properties") return parse_properties(value, at, node);
  if (key == "required") return parse_required(value, at, node);
  if (key == "additionalProperties") return parse_additional(value, at, node);
  if (key == "items") {
    auto child = parse_node(value, at);
    if (!child) return child.error();
    node.items = std::move(*child);
    return {};
  }
  if (key == "enum") {
    if (!value.is_array() || value.as_array().empty()) return bad(at, "want an array of values");
    node.allowed.assign(value.as_array().begin(), value.as_array().end());
    return {};
  }
  if (key == "minimum") return parse_number(value, at, node.minimum);
  if (key == "maximum") return parse_number(value, at, node.maximum);
  if (key == "minLength") return parse_count(value, at, node.min_length);
  if (key == "maxLength") return parse_count(value, at, node.max_length);
  if (key == "minItems") return parse_count(value, at, node.min_items);
  if (key == "maxItems") return parse_count(value, at, node.max_items);
  if (key == "description") return value.is_string() ? Status{} : bad(at, "want a text");
  if (key == "default") return {};  // for the reader: any value
  return bad(at, "this keyword is not part of serval.schema/1");
}

Result<Child> parse_node(const json::value& value, const std::string& at) {
  if (!value.is_object()) return bad(at, "want a schema object");
  auto node = std::make_shared<Node>();
  for (const auto& [key, keyword_value] : value.as_object()) {
    if (Status status = parse_keyword(key, keyword_value, pointer_into(at, key), *node); !status)
      return status.error();
  }
  return Child(std::move(node));
}

}  // namespace

std::string pointer_into(const std::string& base, std::string_view token) {
  std::string pointer = base + "/";
  for (const char c : token) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer += c;
    }
  }
  return pointer;
}

Result<ConfigSchema> ConfigSchema::parse(std::string_view text) {
  auto value = parse_json(text);
  if (!value) return invalid("schema: " + value.error().message);
  auto root = parse_node(*value, "");
  if (!root) return root.error();
  return ConfigSchema(std::move(*root));
}

}  // namespace serval::host
