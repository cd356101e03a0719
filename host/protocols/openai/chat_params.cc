#include "host/protocols/openai/params.h"

namespace serval::host {
namespace {

constexpr int kMostTokens = 1 << 30;

void read_max_tokens(JsonReader& reader, GenerateParams& params) {
  int old_name = -1, new_name = -1;
  reader.read("max_tokens", old_name, 1, kMostTokens);
  reader.read("max_completion_tokens", new_name, 1, kMostTokens);
  if (old_name >= 0 && new_name >= 0 && old_name != new_name)
    reader.fail("max_completion_tokens",
                "max_completion_tokens and max_tokens are both given and differ");
  const int most = new_name >= 0 ? new_name : old_name;
  if (most >= 0) params.plugin["max_tokens"] = most;
}

void read_logprobs(JsonReader& reader, GenerateParams& params) {
  reader.read("logprobs", params.logprobs);
  reader.read("top_logprobs", params.top_logprobs, 0, 20);
  if (reader.value("top_logprobs") != nullptr && !params.logprobs)
    reader.fail("top_logprobs", "top_logprobs is allowed with \"logprobs\": true only");
  if (!params.logprobs) return;
  params.plugin["logprobs"] = true;
  if (params.top_logprobs > 0) params.plugin["top_logprobs"] = params.top_logprobs;
}

// Parameters whose one supported value is what the server does anyway.
void read_fixed(JsonReader& reader) {
  if (const json::value* format = reader.value("response_format")) {
    const json::value* type =
        format->is_object() ? format->get_object().if_contains("type") : nullptr;
    const bool text = type != nullptr && type->is_string() && type->get_string() == "text" &&
                      format->get_object().size() == 1;
    if (!text)
      reader.fail(
          "response_format",
          "response_format is not supported by this server, other than {\"type\":\"text\"}");
  }
  std::vector<std::string> modalities{"text"};
  reader.read("modalities", modalities, 8);
  if (modalities != std::vector<std::string>{"text"})
    reader.fail("modalities", "modalities must be [\"text\"]");
  bool store = false;
  reader.read("store", store);
  if (store) reader.fail("store", "store is not supported by this server");
}

void read_template_params(JsonReader& reader, GenerateParams& params) {
  const json::value* extra = reader.value("chat_template_kwargs");
  if (extra == nullptr) return;
  if (!extra->is_object())
    return reader.fail("chat_template_kwargs", "chat_template_kwargs must be an object");
  params.plugin["template_params"] = *extra;
}

}  // namespace

Result<GenerateParams> parse_chat(std::string_view body, const GenerateLimits& limits) {
  const Result<json::object> root = parse_json_object(body, "the body must be a JSON object");
  if (!root) return root.error();
  JsonReader reader(*root);
  GenerateParams params;
  read_common(reader, params);
  read_max_tokens(reader, params);
  read_logprobs(reader, params);
  read_fixed(reader);
  read_template_params(reader, params);
  if (params.n > limits.choices)
    reader.fail("n", "n is above this server's limit of " + std::to_string(limits.choices));
  const json::value* messages = reader.value("messages");
  if (messages == nullptr) {
    reader.fail("messages", "messages is missing");
  } else if (Result<std::string> text = conversation_text(*messages); !text) {
    reader.fail("messages", text.error().message);
  } else {
    params.prompts.push_back({std::move(*text), {}, false});
  }
  refuse_unsupported(
      reader, {"tools", "tool_choice", "parallel_tool_calls", "functions", "function_call", "audio",
               "prediction", "metadata", "reasoning_effort", "verbosity", "web_search_options",
               "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "moderation"});
  if (Status status = reader.finish(); !status) return status.error();
  return params;
}

}  // namespace serval::host
