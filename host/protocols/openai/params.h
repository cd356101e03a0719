// Bodies of chat/completions and completions, checked and turned into requests. Everything that is
// wrong, unknown or not supported is refused with its name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/json.h"
#include "common/json_reader.h"

namespace serval::host {

struct GenerateLimits {
  int choices = 128;  // most of one request: n times prompts
};

// One prompt of a completion, or a conversation.
struct Prompt {
  std::string text;    // input 0
  json::array tokens;  // or token ids
  bool is_tokens = false;
};

struct GenerateParams {
  std::string model;
  json::object plugin;          // parameters of the operation, without prompt_tokens
  std::vector<Prompt> prompts;  // one request each
  int n = 1;                    // choices of each prompt
  bool stream = false;
  bool include_usage = false;
  bool logprobs = false;
  int top_logprobs = 0;
  bool echo = false;
  std::string cache_salt;  // what is cached is shared within a tenant and a salt only

  int choices() const { return n * int(prompts.size()); }
};

Result<GenerateParams> parse_chat(std::string_view body, const GenerateLimits& limits);
Result<GenerateParams> parse_completion(std::string_view body, const GenerateLimits& limits);

// Pieces of both, in params_common.cc.
// Reads parameters that both have. Errors are kept by the reader.
void read_common(JsonReader& reader, GenerateParams& params);
// What OpenAI defines for the endpoint and this server does not do: a value that asks for nothing
// (null, or what `read_common` names) passes, any other is refused.
void refuse_unsupported(JsonReader& reader, std::initializer_list<const char*> keys);
// Copies a checked parameter to the operation's.
void pass_on(JsonReader& reader, std::string_view key, GenerateParams& params);

// Checks a conversation and writes it as input 0 of `chat`. messages.cc
Result<std::string> conversation_text(const json::value& messages);

}  // namespace serval::host
