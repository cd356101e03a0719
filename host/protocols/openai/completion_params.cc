#include "host/protocols/openai/params.h"

namespace serval::host {
namespace {

constexpr int kMostTokens = 1 << 30;

bool is_token_list(const json::array& items) {
  for (const json::value& item : items)
    if (!item.is_int64() || item.get_int64() < 0 || item.get_int64() > INT32_MAX) return false;
  return !items.empty();
}

// "text", ["text", ...], [1, 2], [[1, 2], ...]
bool read_prompts(const json::value& prompt, std::vector<Prompt>& prompts) {
  if (prompt.is_string()) {
    prompts.push_back({std::string(prompt.get_string()), {}, false});
    return true;
  }
  if (!prompt.is_array() || prompt.get_array().empty()) return false;
  const json::array& items = prompt.get_array();
  if (is_token_list(items)) {
    prompts.push_back({{}, items, true});
    return true;
  }
  const bool lists = items.front().is_array();
  for (const json::value& item : items) {
    if (lists) {
      if (!item.is_array() || !is_token_list(item.get_array())) return false;
      prompts.push_back({{}, item.get_array(), true});
    } else {
      if (!item.is_string()) return false;
      prompts.push_back({std::string(item.get_string()), {}, false});
    }
  }
  return true;
}

}  // namespace

Result<GenerateParams> parse_completion(std::string_view body, const GenerateLimits& limits) {
  const Result<json::object> root = parse_json_object(body, "the body must be a JSON object");
  if (!root) return root.error();
  JsonReader reader(*root);
  GenerateParams params;
  read_common(reader, params);

  int max_tokens = -1;
  reader.read("max_tokens", max_tokens, 0, kMostTokens);
  if (max_tokens >= 0) params.plugin["max_tokens"] = max_tokens;

  int logprobs = -1;
  reader.read("logprobs", logprobs, 0, 20);
  if (logprobs >= 0) {
    params.logprobs = true;
    params.top_logprobs = logprobs;
    params.plugin["logprobs"] = true;
    if (logprobs > 0) params.plugin["top_logprobs"] = logprobs;
  }
  reader.read("echo", params.echo);
  if (params.echo) params.plugin["echo"] = true;

  int best_of = params.n;
  reader.read("best_of", best_of, 1, 128);
  if (best_of != params.n)
    reader.fail("best_of", "best_of other than n is not supported by this server");
  std::string suffix;
  reader.read("suffix", suffix);
  if (!suffix.empty()) reader.fail("suffix", "suffix is not supported by this server");

  const json::value* prompt = reader.value("prompt");
  if (prompt == nullptr) {
    reader.fail("prompt", "prompt is missing");
  } else if (!read_prompts(*prompt, params.prompts)) {
    reader.fail("prompt",
                "prompt must be a string, an array of strings, an array of token ids or an array "
                "of such arrays, and not be empty");
  } else if (params.prompts.size() > std::size_t(limits.choices) ||
             params.choices() > limits.choices) {
    reader.fail("prompt", "n times the number of prompts is above this server's limit of " +
                              std::to_string(limits.choices));
  }
  if (Status status = reader.finish(); !status) return status.error();
  return params;
}

}  // namespace serval::host
