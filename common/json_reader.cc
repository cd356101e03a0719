#include "common/json_reader.h"

#include <cmath>

#include "common/nearest_word.h"
#include "common/utf8.h"

namespace serval {
namespace {

constexpr std::size_t kLongestKey = 80;  // bytes of it in an error

std::string range(const std::string& low, const std::string& high) {
  return "from " + low + " to " + high;
}

std::string number(float value) {
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

// At most 80 bytes of what was found, on one line.
std::string shown(const json::value& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  std::string text = json::serialize(value);
  if (text.size() > 80)
    text = text.substr(0, 60) + "... (" + std::to_string(text.size()) + " bytes)";
  return text;
}

bool as_integer(const json::value& value, int64_t& out) {
  if (value.is_int64()) {
    out = value.get_int64();
    return true;
  }
  if (value.is_double()) {  // 1e3 and 5.0 are integers too
    const double d = value.get_double();
    if (std::floor(d) != d || std::abs(d) > 9e15) return false;
    out = int64_t(d);
    return true;
  }
  return false;
}

}  // namespace

void JsonReader::fail(std::string_view key, std::string message) {
  if (status_.ok()) status_ = invalid(std::move(message), std::string(key));
}

void JsonReader::wrong(std::string_view key, const json::value& found, const std::string& wanted) {
  fail(key, std::string(key) + " is " + shown(found) + "; it must be " + wanted);
}

const json::value* JsonReader::value(std::string_view key) {
  known_.insert(key);
  const json::value* found = object_.if_contains(key);
  return found == nullptr || found->is_null() ? nullptr : found;
}

void JsonReader::read(std::string_view key, bool& field) {
  const json::value* found = value(key);
  if (found == nullptr) return;
  if (!found->is_bool()) return wrong(key, *found, "true or false");
  field = found->get_bool();
}

void JsonReader::read(std::string_view key, int64_t& field, int64_t low, int64_t high) {
  const json::value* found = value(key);
  if (found == nullptr) return;
  int64_t number = 0;
  if (!as_integer(*found, number) || number < low || number > high)
    return wrong(key, *found, "an integer " + range(std::to_string(low), std::to_string(high)));
  field = number;
}

void JsonReader::read(std::string_view key, int& field, int low, int high) {
  int64_t wide = field;
  read(key, wide, low, high);
  field = int(wide);
}

void JsonReader::read(std::string_view key, float& field, float low, float high) {
  const json::value* found = value(key);
  if (found == nullptr) return;
  const std::string wanted = "a number " + range(number(low), number(high));
  if (!found->is_number()) return wrong(key, *found, wanted);
  const double wide = found->to_number<double>();
  if (!(wide >= double(low) && wide <= double(high))) return wrong(key, *found, wanted);
  field = float(wide);
}

void JsonReader::read(std::string_view key, std::string& field) {
  const json::value* found = value(key);
  if (found == nullptr) return;
  if (!found->is_string()) return wrong(key, *found, "a string");
  field = std::string(found->get_string());
}

void JsonReader::read(std::string_view key, std::vector<std::string>& field, std::size_t most) {
  const json::value* found = value(key);
  if (found == nullptr) return;
  const std::string wanted = "an array of at most " + std::to_string(most) + " strings";
  if (!found->is_array() || found->get_array().size() > most) return wrong(key, *found, wanted);
  std::vector<std::string> texts;
  for (const json::value& item : found->get_array()) {
    if (!item.is_string()) return wrong(key, *found, wanted);
    texts.emplace_back(item.get_string());
  }
  field = std::move(texts);
}

Status JsonReader::finish() {
  for (const auto& member : object_) {
    if (known_.contains(std::string_view(member.key()))) continue;
    if (!status_.ok()) break;
    const std::string_view whole = member.key();
    const std::string key(whole.substr(0, valid_utf8_prefix(whole.substr(0, kLongestKey))));
    const std::vector<std::string_view> known(known_.begin(), known_.end());
    fail(key, "unknown parameter " + key + did_you_mean(key, known));
  }
  return status_;
}

}  // namespace serval
