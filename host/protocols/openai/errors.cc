#include "host/protocols/openai/errors.h"

#include <string_view>

#include "host/net/router.h"
#include "host/protocols/json_text.h"
#include "host/protocols/request_headers.h"

namespace serval::host {
namespace {

std::string_view type_of(int status) {
  if (status == 401) return "authentication_error";
  if (status == 403) return "permission_error";
  if (status == 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

// "" for none.
std::string_view code_of(int status, const Error& error) {
  if (status == 401) return "invalid_api_key";
  if (status == 404 && error.param == "model") return "model_not_found";
  if (status == 429) return "rate_limit_exceeded";
  if (status == 499) return "cancelled";
  if (status == 501) return "unsupported";
  if (status == 503) return "unavailable";
  if (status == 504) return "deadline_exceeded";
  return {};
}

void append_or_null(std::string& out, std::string_view text) {
  if (text.empty()) {
    out += "null";
  } else {
    append_json_string(out, text);
  }
}

}  // namespace

std::string openai_error_json(int status, const Error& error) {
  std::string out = "{\"error\":{\"message\":";
  append_json_string(out, error.message.empty() ? "unknown error" : error.message);
  out += ",\"type\":";
  append_json_string(out, type_of(status));
  out += ",\"param\":";
  append_or_null(out, error.param);
  out += ",\"code\":";
  append_or_null(out, code_of(status, error));
  out += "}}";
  return out;
}

HttpResponse openai_error(int status, const Error& error) {
  return error_reply(status, error, openai_error_json(status, error));
}

HttpResponse openai_error(const Error& error) {
  return openai_error(http_status(error.code), error);
}

Error about_model(Error error) {
  if (error.code == Code::not_found && error.param.empty()) error.param = "model";
  return error;
}

}  // namespace serval::host
