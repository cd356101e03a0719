// Typed reading of a request's parameters or a model's configuration: every key that is not asked
// for is refused, so is every value of a wrong type or range.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "serval/sdk/json.hpp"

namespace serval::sdk {

// Use: optional(...) for each key, then finish(). A target keeps its value, the default, when its
// key is absent. The first mistake is kept and names its key.
class ParamReader {
 public:
  // object: a JSON object, as Request::params_json().
  explicit ParamReader(std::string_view object) {
    Result<Json> parsed = Json::parse(object.empty() ? "{}" : object);
    if (!parsed)
      error_ = parsed.error();
    else if (parsed->object() == nullptr)
      error_ = invalid("the parameters are not a JSON object");
    else
      json_ = *std::move(parsed);
  }

  void optional(const char* key, int64_t& target, int64_t least, int64_t most) {
    const Json* value = find(key);
    if (value == nullptr) return;
    const int64_t* integer = value->integer();
    if (integer == nullptr || *integer < least || *integer > most)
      return refuse(key,
                    "an integer from " + std::to_string(least) + " to " + std::to_string(most));
    target = *integer;
  }
  void optional(const char* key, double& target, double least, double most) {
    const Json* value = find(key);
    if (value == nullptr) return;
    const double number = value->number();
    if (!(number >= least && number <= most))
      return refuse(key, "a number from " + short_text(least) + " to " + short_text(most));
    target = number;
  }
  void optional(const char* key, bool& target) {
    const Json* value = find(key);
    if (value == nullptr) return;
    if (value->boolean() == nullptr) return refuse(key, "true or false");
    target = *value->boolean();
  }
  void optional(const char* key, std::string& target) {
    const Json* value = find(key);
    if (value == nullptr) return;
    if (value->string() == nullptr) return refuse(key, "a string");
    target = *value->string();
  }
  // The raw value, to be checked by the caller; nullptr when absent. Lives as long as the reader.
  const Json* raw(const char* key) { return find(key); }

  // The caller's own finding about a key.
  void refuse(const char* key, const std::string& wanted) {
    if (error_.code == SERVAL_OK)
      error_ = invalid("'" + std::string(key) + "' must be " + wanted, key);
  }

  // Also refuses keys nobody has asked for.
  Status finish() {
    if (error_.code == SERVAL_OK)
      for (const auto& [key, value] : *json_.object())
        if (!known_.contains(key)) return invalid("unknown parameter '" + key + "'", key);
    return error_.code == SERVAL_OK ? Status() : Status(error_);
  }

 private:
  const Json* find(const char* key) {
    known_.insert(key);
    return json_.find(key);
  }

  static std::string short_text(double value) {
    char text[32];
    return std::string(text, std::to_chars(text, text + sizeof text, value).ptr);
  }

  Json json_{Json::Object{}};
  std::set<std::string, std::less<>> known_;
  Error error_{SERVAL_OK, {}, {}};
};

}  // namespace serval::sdk
