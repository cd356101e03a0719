#include "host/protocols/tei/errors.h"

#include <string_view>

#include "host/net/router.h"
#include "host/protocols/json_text.h"
#include "host/protocols/request_headers.h"

namespace serval::host {
namespace {

std::string_view type_of(int status) {
  if (status == 429) return "Overloaded";
  if (status == 503) return "Unhealthy";
  return status == 424 || status >= 499 ? "Backend" : "Validation";
}

int status_of(Code code) {
  switch (code) {
    case Code::invalid_argument:
      return 422;
    case Code::out_of_range:
      return 413;
    case Code::unimplemented:
    case Code::internal:
    case Code::unknown:
    case Code::data_loss:
      return 424;
    default:
      return http_status(code);
  }
}

HttpResponse form(int status, const Error& error, std::string_view type) {
  std::string body = "{\"error\":";
  append_json_string(body, error.message.empty() ? "unknown error" : error.message);
  body += ",\"error_type\":";
  append_json_string(body, type);
  body += '}';
  return error_reply(status, error, std::move(body));
}

}  // namespace

HttpResponse tei_error(int status, const Error& error) {
  return form(status, error, type_of(status));
}

HttpResponse tei_error(const Error& error) { return tei_error(status_of(error.code), error); }

HttpResponse tei_empty(const std::string& what) {
  return form(400, invalid(what + " must not be empty"), "Empty");
}

}  // namespace serval::host
