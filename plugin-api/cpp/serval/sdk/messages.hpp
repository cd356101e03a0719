// The conversation of a `chat` request: input 0, as docs/requests.md has it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "serval/sdk/json.hpp"

namespace serval::sdk {

struct Message {
  std::string role;  // "system", "user", "assistant", "tool"
  std::string text;  // the text parts of its content, joined
};

// messages: a JSON array of objects with `role` and `content`: a string, null or an array of parts.
// Parts that are not text are refused.
inline Result<std::vector<Message>> read_messages(std::string_view messages) {
  const Result<Json> json = Json::parse(messages);
  if (!json) return invalid("the messages are " + json.error().message, "messages");
  if (json->array() == nullptr) return invalid("the messages are not an array", "messages");
  std::vector<Message> out;
  for (const Json& message : json->items()) {
    const Json *role = message.find("role"), *content = message.find("content");
    if (role == nullptr || role->text().empty())
      return invalid("message " + std::to_string(out.size()) + " has no role", "messages");
    Message m{std::string(role->text()), {}};
    if (content != nullptr && content->array() != nullptr) {
      for (const Json& part : content->items()) {
        const Json* text = part.find("text");
        if (text == nullptr || text->string() == nullptr)
          return invalid("a part of message " + std::to_string(out.size()) + " is not text",
                         "messages");
        m.text += *text->string();
      }
    } else if (content != nullptr && content->string() != nullptr) {
      m.text = *content->string();
    } else if (content != nullptr && !content->is_null()) {
      return invalid("message " + std::to_string(out.size()) +
                         " has a content that is no string, null or array",
                     "messages");
    }
    out.push_back(std::move(m));
  }
  return out;
}

}  // namespace serval::sdk
