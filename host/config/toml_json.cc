#include "host/config/toml_json.h"

#include <cmath>

#include "common/json.h"

namespace serval::host {
namespace {

class Converter {
 public:
  Converter(std::string prefix, std::map<std::string, std::string>& places, ErrorList& errors)
      : prefix_(std::move(prefix)), places_(places), errors_(errors) {}

  json::value convert(const toml::node& node, const std::string& pointer) {
    places_[pointer] = place_text(node.source());
    if (const auto* table = node.as_table()) return object(*table, pointer);
    if (const auto* array = node.as_array()) {
      json::array out;
      for (const toml::node& item : *array)
        out.push_back(convert(item, pointer + "/" + std::to_string(out.size())));
      return out;
    }
    if (const auto* text = node.as_string()) return json::string(text->get());
    if (const auto* integer = node.as_integer()) return integer->get();
    if (const auto* boolean = node.as_boolean()) return boolean->get();
    if (const auto* number = node.as_floating_point(); number && std::isfinite(number->get()))
      return number->get();
    const char* found = node.is_floating_point() ? "a number that is not finite" : "a date or time";
    errors_.add(node.source(), prefix_ + pointer_to_key(pointer),
                std::string("found ") + found + ", which a plugin cannot be given");
    return nullptr;
  }

  json::object object(const toml::table& table, const std::string& pointer) {
    json::object out;
    for (const auto& [key, value] : table) {
      std::string below = pointer + "/";
      for (const char c : key.str()) {
        if (c == '~')
          below += "~0";
        else if (c == '/')
          below += "~1";
        else
          below += c;
      }
      out[key.str()] = convert(value, below);
    }
    return out;
  }

 private:
  const std::string prefix_;
  std::map<std::string, std::string>& places_;
  ErrorList& errors_;
};

}  // namespace

std::string toml_to_json(const toml::table& table, const std::string& prefix,
                         std::map<std::string, std::string>& places, ErrorList& errors) {
  Converter converter(prefix, places, errors);
  return json::serialize(converter.convert(table, ""));
}

std::string pointer_to_key(std::string_view pointer) {
  std::string key;
  for (std::size_t i = pointer.starts_with('/') ? 1 : 0; i < pointer.size(); ++i) {
    if (pointer[i] == '~' && i + 1 < pointer.size()) {
      key += pointer[++i] == '1' ? '/' : '~';
    } else {
      key += pointer[i] == '/' ? '.' : pointer[i];
    }
  }
  return key;
}

}  // namespace serval::host
