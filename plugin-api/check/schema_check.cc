#include "schema_check.h"

#include <algorithm>

namespace serval::check {
namespace {

constexpr std::string_view kKeywords[] = {
    "type",        "properties", "required", "additionalProperties",
    "items",       "enum",       "minimum",  "maximum",
    "minLength",   "maxLength",  "minItems", "maxItems",
    "description", "default"};
constexpr std::string_view kTypes[] = {"object",  "array",   "string", "number",
                                       "integer", "boolean", "null"};

bool among(std::string_view word, auto& list) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

void look(const sdk::Json& schema, const std::string& place, std::vector<std::string>& out) {
  if (schema.boolean() != nullptr) return;
  if (schema.object() == nullptr) {
    out.push_back(place + ": a schema is an object");
    return;
  }
  for (const auto& [key, value] : *schema.object()) {
    if (!among(key, kKeywords)) out.push_back(place + ": keyword '" + key + "' is not supported");
    if (key == "type" && !among(value.text(), kTypes))
      out.push_back(place + ": 'type' names no type of JSON");
    if (key == "items" || key == "additionalProperties") look(value, place + "/" + key, out);
    if (key == "required" || key == "enum")
      if (value.array() == nullptr) out.push_back(place + ": '" + key + "' is not an array");
    if (key == "properties" && value.object() == nullptr)
      out.push_back(place + ": 'properties' is not an object");
    if (key == "properties" && value.object() != nullptr)
      for (const auto& [name, property] : *value.object()) look(property, place + "/" + name, out);
  }
}

}  // namespace

std::vector<std::string> schema_problems(const sdk::Json& schema) {
  std::vector<std::string> out;
  look(schema, "schema", out);
  const sdk::Json* type = schema.find("type");
  if (type == nullptr || type->text() != "object")
    out.push_back("schema: its type is not \"object\"");
  return out;
}

}  // namespace serval::check
