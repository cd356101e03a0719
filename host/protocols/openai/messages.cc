#include <algorithm>
#include <array>

#include "host/protocols/openai/params.h"

namespace serval::host {
namespace {

constexpr std::array<std::string_view, 5> kRoles = {"system", "developer", "user", "assistant",
                                                    "tool"};
// What a message may hold besides role and content. Clients send an assistant's reply back as they
// got it; what is empty there asks for nothing.
constexpr std::array<std::string_view, 4> kPassed = {"name", "tool_calls", "tool_call_id",
                                                     "reasoning_content"};
constexpr std::array<std::string_view, 4> kEmptyOnly = {"refusal", "annotations", "audio",
                                                        "function_call"};

template <std::size_t N>
bool is_one_of(std::string_view key, const std::array<std::string_view, N>& keys) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

bool is_empty(const json::value& value) {
  return value.is_null() || (value.is_array() && value.get_array().empty());
}

std::string quoted(std::string_view text) {
  return json::serialize(json::value(text.substr(0, 60)));
}

Status check_part(const json::value& part, const std::string& where) {
  if (!part.is_object()) return invalid(where + " must be an object");
  const json::value* type = part.get_object().if_contains("type");
  if (type == nullptr || !type->is_string()) return invalid(where + ".type must be a string");
  const std::string_view name = type->get_string();
  if (name != "text")
    return invalid(where + " is of type " + quoted(name) + "; this server takes text parts only");
  const json::value* text = part.get_object().if_contains("text");
  if (text == nullptr || !text->is_string()) return invalid(where + ".text must be a string");
  for (const auto& member : part.get_object())
    if (member.key() != "type" && member.key() != "text")
      return invalid(where + " has the unknown key " + quoted(member.key()));
  return {};
}

Status check_content(const json::object& message, const std::string& where) {
  const json::value* content = message.if_contains("content");
  if (content == nullptr || content->is_null()) {
    const json::value* role = message.if_contains("role");
    if (role->get_string() == "assistant") return {};
    return invalid(where + ".content is missing");
  }
  if (content->is_string()) return {};
  if (!content->is_array())
    return invalid(where + ".content must be a string or an array of parts");
  const json::array& parts = content->get_array();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    Status status = check_part(parts[i], where + ".content[" + std::to_string(i) + "]");
    if (!status) return status;
  }
  return {};
}

Status check_message(const json::value& message, const std::string& where) {
  if (!message.is_object()) return invalid(where + " must be an object");
  const json::object& object = message.get_object();
  const json::value* role = object.if_contains("role");
  if (role == nullptr || !role->is_string() || !is_one_of(role->get_string(), kRoles))
    return invalid(where + ".role must be system, developer, user, assistant or tool");
  for (const auto& member : object) {
    const std::string_view key = member.key();
    if (key == "role" || key == "content" || is_one_of(key, kPassed)) continue;
    if (!is_one_of(key, kEmptyOnly)) return invalid(where + " has the unknown key " + quoted(key));
    if (!is_empty(member.value()))
      return invalid(where + "." + std::string(key) + " is not supported by this server");
  }
  return check_content(object, where);
}

// As chat templates know it: they have no developer role, and no keys that ask for nothing.
json::object for_template(const json::object& message) {
  json::object out;
  for (const auto& member : message) {
    const std::string_view key = member.key();
    if (is_one_of(key, kEmptyOnly)) continue;
    if (key == "role" && member.value().get_string() == "developer") {
      out["role"] = "system";
    } else if (!member.value().is_null() || key == "content") {
      out[key] = member.value();
    }
  }
  if (!out.contains("content")) out["content"] = nullptr;
  return out;
}

}  // namespace

Result<std::string> conversation_text(const json::value& messages) {
  if (!messages.is_array() || messages.get_array().empty())
    return invalid("messages must be an array of at least one message");
  json::array out;
  for (std::size_t i = 0; i < messages.get_array().size(); ++i) {
    const json::value& message = messages.get_array()[i];
    Status status = check_message(message, "messages[" + std::to_string(i) + "]");
    if (!status) return status.error();
    out.push_back(for_template(message.get_object()));
  }
  return json::serialize(out);
}

}  // namespace serval::host
