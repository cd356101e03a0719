// A small, strict JSON reader (RFC 8259), enough for parameters and messages. No duplicate keys, no
// invalid UTF-8, at most 64 levels; memory stays proportional to the text.
#pragma once

#include <cmath>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "serval/sdk/result.hpp"
#include "serval/sdk/utf8.hpp"

namespace serval::sdk {

class Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::map<std::string, Json, std::less<>>;

  Json() = default;
  explicit Json(bool value) : value_(value) {}
  explicit Json(int64_t value) : value_(value) {}
  explicit Json(double value) : value_(value) {}
  explicit Json(std::string value) : value_(std::move(value)) {}
  explicit Json(Array value) : value_(std::move(value)) {}
  explicit Json(Object value) : value_(std::move(value)) {}

  // The message names the byte where the text stops being JSON.
  static Result<Json> parse(std::string_view text);

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  // nullptr when the value is of another type.
  const bool* boolean() const { return std::get_if<bool>(&value_); }
  const int64_t* integer() const { return std::get_if<int64_t>(&value_); }
  const std::string* string() const { return std::get_if<std::string>(&value_); }
  const Array* array() const { return std::get_if<Array>(&value_); }
  const Object* object() const { return std::get_if<Object>(&value_); }
  // Any number; NaN when it is none.
  double number() const {
    if (const int64_t* i = integer()) return double(*i);
    if (const double* d = std::get_if<double>(&value_)) return *d;
    return std::nan("");
  }
  // The string, or "" when the value is none.
  std::string_view text() const {
    const std::string* s = string();
    return s == nullptr ? std::string_view() : std::string_view(*s);
  }
  // The elements of an array, or nothing when the value is none.
  const Array& items() const {
    static const Array kNone;
    const Array* a = array();
    return a == nullptr ? kNone : *a;
  }
  // The member of an object; nullptr when there is none or this is no object.
  const Json* find(std::string_view key) const {
    const Object* o = object();
    if (o == nullptr) return nullptr;
    const auto it = o->find(key);
    return it == o->end() ? nullptr : &it->second;
  }

 private:
  std::variant<std::monostate, bool, int64_t, double, std::string, Array, Object> value_;
};

// text as a JSON string with its quotes. REQUIRES: is_utf8(text)
inline std::string json_quote(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (byte >= 0x20)
      out += c;
    else if (c == '\n')
      out += "\\n";
    else
      ((out += "\\u00") += kHex[byte >> 4]) += kHex[byte & 15];
  }
  return out += '"';
}

}  // namespace serval::sdk

#include "serval/sdk/json_reader.hpp"
