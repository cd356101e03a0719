#include <algorithm>
#include <cmath>
#include <sstream>

#include "common/nearest_word.h"
#include "common/utf8.h"
#include "host/schema/schema_node.h"

namespace serval::host {
namespace {

using Node = ConfigSchema::Node;

bool is_integer(const json::value& value) {
  if (value.is_int64() || value.is_uint64()) return true;
  return value.is_double() && std::trunc(value.get_double()) == value.get_double();
}

bool has_type(const json::value& value, std::string_view type) {
  if (type == "null") return value.is_null();
  if (type == "boolean") return value.is_bool();
  if (type == "integer") return is_integer(value);
  if (type == "number") return value.is_number();
  if (type == "string") return value.is_string();
  if (type == "array") return value.is_array();
  return value.is_object();
}

std::string_view type_of(const json::value& value) {
  if (value.is_null()) return "null";
  if (value.is_bool()) return "a boolean";
  if (value.is_number()) return is_integer(value) ? "an integer" : "a number";
  if (value.is_string()) return "a string";
  return value.is_array() ? "an array" : "an object";
}

std::string number_text(double number) {
  std::ostringstream out;
  out.precision(15);
  out << number;
  return out.str();
}

std::string any_of(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : " or ") + name;
  return text;
}

uint64_t characters(std::string_view text) {
  uint64_t n = 0;
  for (; !text.empty(); ++n) text.remove_prefix(next_utf8(text).length);
  return n;
}

// Walks a value and its schema together and collects what does not fit.
class Checker {
 public:
  std::vector<SchemaError> errors;

  void check(const Node& node, const json::value& value, const std::string& at) {
    if (!node.types.empty() &&
        std::none_of(node.types.begin(), node.types.end(),
                     [&](const std::string& type) { return has_type(value, type); })) {
      add(at, "is " + std::string(type_of(value)) + ", want " + any_of(node.types));
      return;
    }
    if (!node.allowed.empty() &&
        std::find(node.allowed.begin(), node.allowed.end(), value) == node.allowed.end()) {
      std::vector<std::string> texts;
      for (const json::value& one : node.allowed) texts.push_back(json::serialize(one));
      add(at, "is " + json::serialize(value) + ", want " + any_of(texts));
    }
    if (value.is_number()) check_number(node, value.to_number<double>(), at);
    if (value.is_string()) check_length(node, value.get_string(), at);
    if (value.is_array()) check_array(node, value.get_array(), at);
    if (value.is_object()) check_object(node, value.get_object(), at);
  }

 private:
  void add(const std::string& at, std::string message) {
    errors.push_back({at, std::move(message)});
  }

  void check_number(const Node& node, double number, const std::string& at) {
    if (node.minimum && number < *node.minimum)
      add(at, "is " + number_text(number) + ", want at least " + number_text(*node.minimum));
    if (node.maximum && number > *node.maximum)
      add(at, "is " + number_text(number) + ", want at most " + number_text(*node.maximum));
  }

  void check_size(uint64_t size, const std::optional<uint64_t>& least,
                  const std::optional<uint64_t>& most, const char* what, const std::string& at) {
    const std::string has = "has " + std::to_string(size) + what;
    if (least && size < *least) add(at, has + ", want at least " + std::to_string(*least));
    if (most && size > *most) add(at, has + ", want at most " + std::to_string(*most));
  }

  void check_length(const Node& node, std::string_view text, const std::string& at) {
    if (node.min_length || node.max_length)
      check_size(characters(text), node.min_length, node.max_length, " characters", at);
  }

  void check_array(const Node& node, const json::array& array, const std::string& at) {
    check_size(array.size(), node.min_items, node.max_items, " items", at);
    if (!node.items) return;
    for (std::size_t i = 0; i < array.size(); ++i)
      check(*node.items, array[i], pointer_into(at, std::to_string(i)));
  }

  void check_object(const Node& node, const json::object& object, const std::string& at) {
    for (const auto& [key, value] : object) {
      const std::string here = pointer_into(at, key);
      if (const auto it = node.properties.find(std::string(key)); it != node.properties.end()) {
        check(*it->second, value, here);
      } else if (node.additional) {
        check(*node.additional, value, here);
      } else if (!node.additional_allowed) {
        add(here, "unknown key" + known_keys(node, key));
      }
    }
    for (const std::string& name : node.required) {
      if (!object.contains(name)) add(pointer_into(at, name), "is missing");
    }
  }

  static std::string known_keys(const Node& node, std::string_view key) {
    std::vector<std::string_view> names;
    std::string text;
    for (const auto& [name, child] : node.properties) {
      names.push_back(name);
      text += (text.empty() ? "" : ", ") + name;
    }
    if (names.empty()) return "; there are none here";
    return did_you_mean(key, names) + " (known are " + text + ")";
  }
};

}  // namespace

std::vector<SchemaError> ConfigSchema::check(const json::value& value) const {
  Checker checker;
  checker.check(*root_, value, "");
  return std::move(checker.errors);
}

std::string join_errors(const std::vector<SchemaError>& errors) {
  std::string text;
  for (const SchemaError& error : errors) {
    if (!text.empty()) text += '\n';
    text += (error.pointer.empty() ? "(all)" : error.pointer) + ": " + error.message;
  }
  return text;
}

}  // namespace serval::host
