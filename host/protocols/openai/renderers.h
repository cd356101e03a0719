// The four shapes of replies: chat or completion, in one piece or as server-sent events.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "host/protocols/openai/generation.h"

namespace serval::host {

struct RenderOptions {
  std::string id;           // chatcmpl-..., cmpl-...
  std::string model;        // as the client named it
  std::string fingerprint;  // changes when another model or plugin answers under this name
  int64_t created_unix = 0;
  int choices = 1;
  bool logprobs = false;
  int top_logprobs = 0;
  bool include_usage = false;  // streams only
};

std::unique_ptr<Renderer> chat_body(RenderOptions options);
std::unique_ptr<Renderer> chat_events(RenderOptions options);
std::unique_ptr<Renderer> completion_body(RenderOptions options);
std::unique_ptr<Renderer> completion_events(RenderOptions options);

// {"id":..,"object":..,"created":..,"model":..,"system_fingerprint":..,"service_tier":..,"choices":[
std::string reply_prefix(const RenderOptions& options, std::string_view object);

// "stop" -> "\"stop\"", "" -> "null"
void append_finish_reason(std::string& out, const std::string& reason);

inline constexpr std::string_view kStreamEnd = "data: [DONE]\n\n";

}  // namespace serval::host
