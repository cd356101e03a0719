#include "host/protocols/request_headers.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "host/net/ascii.h"

namespace serval::host {
namespace {

constexpr uint64_t kMostMs = 86'400'000;

// W3C Trace Context, version 00: 00-<32 hex>-<16 hex>-<2 hex>, lower case, ids not all zero.
bool is_traceparent(std::string_view text) {
  if (text.size() != 55 || text.substr(0, 3) != "00-" || text[35] != '-' || text[52] != '-')
    return false;
  for (std::size_t i = 3; i < text.size(); ++i) {
    if (i == 35 || i == 52) continue;
    if (hex_digit(text[i]) < 0 || (text[i] >= 'A' && text[i] <= 'F')) return false;
  }
  const auto all_zero = [](std::string_view id) {
    return id.find_first_not_of('0') == std::string_view::npos;
  };
  return !all_zero(text.substr(3, 32)) && !all_zero(text.substr(36, 16));
}

// The u member of a Priority field, or 3. A field that cannot be read has no effect (RFC 9218, 4).
int urgency(std::string_view field) {
  int u = 3;
  while (!field.empty()) {
    const std::size_t comma = field.find(',');
    const std::string_view member = trim(field.substr(0, comma));
    if (member.size() == 3 && member.substr(0, 2) == "u=" && member[2] >= '0' && member[2] <= '7')
      u = member[2] - '0';
    field = comma == std::string_view::npos ? std::string_view{} : field.substr(comma + 1);
  }
  return u;
}

// Milliseconds of the client's own read timeout; 0: none that makes sense.
uint64_t client_patience_ms(const Headers& headers) {
  const std::string* text = headers.find("x-stainless-read-timeout");
  if (text == nullptr || text->empty() || text->size() > 16) return 0;
  char* end = nullptr;
  const double seconds = std::strtod(text->c_str(), &end);
  if (*end != '\0' || !std::isfinite(seconds) || seconds < 0.001) return 0;
  const double ms = seconds * 1000;
  return ms > double(kMostMs) ? 0 : uint64_t(ms);
}

}  // namespace

Status apply_headers(const HttpRequest& http, bool streams, Request& request) {
  request.tenant = http.principal.tenant;
  request.request_id = http.request_id;
  if (const std::string_view trace = http.headers.get("traceparent"); is_traceparent(trace))
    request.traceparent = trace;
  request.priority =
      std::max(urgency(http.headers.get("priority")) - 3, http.principal.priority_cap);

  uint64_t ms = 0;
  if (const std::string* text = http.headers.find("x-request-timeout-ms")) {
    const char* end = text->data() + text->size();
    const auto [stop, ec] = std::from_chars(text->data(), end, ms);
    if (ec != std::errc() || stop != end || ms < 1 || ms > kMostMs)
      return invalid("x-request-timeout-ms must be an integer from 1 to 86400000",
                     "x-request-timeout-ms");
  } else if (!streams) {
    ms = client_patience_ms(http.headers);
  }
  if (ms != 0) request.deadline_ns = http.received_ns + ms * 1'000'000;
  return {};
}

bool is_json_type(std::string_view content_type) {
  const std::string_view type = trim(content_type.substr(0, content_type.find(';')));
  return type.empty() || iequals(type, "application/json");
}

HttpResponse error_reply(int status, const Error& error, std::string body) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  response.headers.add("content-type", "application/json");
  if (error.retry_after_ms != 0) {
    response.headers.add("retry-after",
                         std::to_string((uint64_t(error.retry_after_ms) + 999) / 1000));
    response.headers.add("retry-after-ms", std::to_string(error.retry_after_ms));
    response.headers.add("x-should-retry", "true");
  } else if (status >= 500) {
    response.headers.add("x-should-retry", "false");
  }
  return response;
}

HttpResponse event_stream() {
  HttpResponse response;
  response.headers.add("content-type", "text/event-stream; charset=utf-8");
  response.headers.add("cache-control", "no-cache");
  response.headers.add("x-accel-buffering", "no");  // a proxy must not hold events back
  response.streamed = true;
  return response;
}

std::string elapsed_ms(uint64_t since_ns) {
  return std::to_string((now_ns() - since_ns) / 1'000'000);
}

}  // namespace serval::host
