#include "plugins/llm/chat.h"

namespace serval::llm {
namespace {

// Templates of text models want `content` as text: parts of type text are joined, others are
// refused.
Result<json::value> flattened(const json::value& content, const std::string& where) {
  if (content.is_string() || content.is_null()) return content;
  if (!content.is_array())
    return invalid(where + ".content must be a string or an array", "messages");
  json::string text;
  for (std::size_t i = 0; i < content.get_array().size(); ++i) {
    const json::value& part = content.get_array()[i];
    const std::string at = where + ".content[" + std::to_string(i) + "]";
    const json::value* type = part.is_object() ? part.get_object().if_contains("type") : nullptr;
    if (type == nullptr || !type->is_string())
      return invalid(at + " must be an object with a type", "messages");
    if (type->get_string() != "text")
      return error(
          Code::invalid_argument,
          at + " has type \"" + std::string(type->get_string()) + "\"; this model takes text only",
          "messages");
    const json::value* words = part.get_object().if_contains("text");
    if (words == nullptr || !words->is_string())
      return invalid(at + ".text must be a string", "messages");
    if (i > 0) text += "\n";
    text += words->get_string();
  }
  return json::value(std::move(text));
}

}  // namespace

Result<ChatFormat> ChatFormat::create(const GgufFile& file, const Tokenizer& tokenizer,
                                      std::string_view override_template) {
  ChatFormat format;
  const Result<std::string_view> own = file.text_or("tokenizer.chat_template", "");
  if (!own) return own.error();
  const std::string_view source = override_template.empty() ? *own : override_template;
  if (!source.empty()) {
    Result<jinja::Template> parsed = jinja::Template::parse(source);
    if (!parsed)
      return error(parsed.error().code, file.path().string() + ": " + parsed.error().message);
    format.template_ = std::move(*parsed);
  }
  if (tokenizer.bos()) format.bos_ = tokenizer.decode(*tokenizer.bos());
  if (tokenizer.eos()) format.eos_ = tokenizer.decode(*tokenizer.eos());
  return format;
}

Result<std::string> ChatFormat::render(std::string_view messages_json,
                                       const GenerateParams& params) const {
  if (!template_)
    return error(Code::unimplemented,
                 "the model has no chat template: use completions, or set chat_template");
  Result<json::value> parsed = parse_json(messages_json);
  if (!parsed) return parsed.error();
  if (!parsed->is_array() || parsed->get_array().empty())
    return invalid("messages must be an array with at least one message", "messages");
  json::array& messages = parsed->get_array();
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const std::string where = "messages[" + std::to_string(i) + "]";
    if (!messages[i].is_object()) return invalid(where + " must be an object", "messages");
    json::object& message = messages[i].get_object();
    const json::value* role = message.if_contains("role");
    if (role == nullptr || !role->is_string())
      return invalid(where + ".role must be a string", "messages");
    if (json::value* content = message.if_contains("content")) {
      Result<json::value> text = flattened(*content, where);
      if (!text) return text.error();
      *content = std::move(*text);
    }
  }
  json::object context = params.template_params;
  context["messages"] = std::move(messages);
  context["add_generation_prompt"] = true;
  context["bos_token"] = bos_;
  context["eos_token"] = eos_;
  if (params.tools) context["tools"] = *params.tools;
  Result<std::string> text = template_->render(context);
  if (!text) return error(text.error().code, text.error().message, "messages");
  return text;
}

}  // namespace serval::llm
