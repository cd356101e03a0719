#include "common/tokenizers/component.h"

#include "common/formats/quoted_name.h"

namespace serval::tok {

Component::Component(const json::value* value, std::string where) : where_(std::move(where)) {
  if (value == nullptr || value->is_null()) return;
  if (!value->is_object()) {
    fail(bad("is no object"));
    return;
  }
  object_ = &value->get_object();
  if (const json::value* type = member("type"); type != nullptr && type->is_string())
    type_ = type->get_string();
}

const json::value* Component::member(std::string_view key) const {
  const json::value* found = object_ != nullptr ? object_->if_contains(key) : nullptr;
  return found == nullptr || found->is_null() ? nullptr : found;
}

const json::value* Component::wanted(std::string_view key, const char* kind) {
  const json::value* found = member(key);
  if (found == nullptr) fail(bad("lacks \"" + std::string(key) + "\", " + kind));
  return found;
}

std::string_view Component::text(std::string_view key) {
  const json::value* found = wanted(key, "a text");
  if (found == nullptr) return {};
  if (found->is_string()) return found->get_string();
  fail(bad("\"" + std::string(key) + "\" is no text"));
  return {};
}

std::string_view Component::text(std::string_view key, std::string_view fallback) {
  return member(key) != nullptr ? text(key) : fallback;
}

bool Component::flag(std::string_view key) {
  const json::value* found = wanted(key, "true or false");
  if (found == nullptr) return false;
  if (found->is_bool()) return found->get_bool();
  fail(bad("\"" + std::string(key) + "\" is neither true nor false"));
  return false;
}

bool Component::flag(std::string_view key, bool fallback) {
  return member(key) != nullptr ? flag(key) : fallback;
}

int64_t Component::number(std::string_view key, int64_t fallback, int64_t low, int64_t high) {
  const json::value* found = member(key);
  if (found == nullptr) return fallback;
  if (found->is_int64() && found->get_int64() >= low && found->get_int64() <= high)
    return found->get_int64();
  fail(bad("\"" + std::string(key) + "\" is no number from " + std::to_string(low) + " to " +
           std::to_string(high)));
  return fallback;
}

std::vector<Component> Component::list(std::string_view key) {
  std::vector<Component> out;
  const json::value* found = wanted(key, "a list");
  if (found == nullptr) return out;
  if (!found->is_array()) {
    fail(bad("\"" + std::string(key) + "\" is no list"));
    return out;
  }
  for (const json::value& item : found->get_array())
    out.emplace_back(&item, where_ + " " + std::to_string(out.size()));
  return out;
}

void Component::fail(Error error) {
  if (status_.ok()) status_ = Status(std::move(error));
}

Error Component::bad(const std::string& what) const {
  return error(Code::data_loss, where_ + ": " + what);
}

Error Component::unsupported(const std::string& what) const {
  return error(Code::unimplemented, where_ + ": " + what + " is not supported");
}

}  // namespace serval::tok
