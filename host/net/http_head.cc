#include "host/net/http_head.h"

#include <array>
#include <charconv>

#include "host/net/ascii.h"

namespace serval::host {
namespace {

HttpFault bad(std::string message) { return {400, std::move(message)}; }

// Characters of methods and field names (RFC 9110, section 5.6.2).
bool is_token_char(unsigned char c) {
  static constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return is_alnum(c) || kMarks.find(char(c)) != std::string_view::npos;
}

bool is_token(std::string_view text) {
  if (text.empty()) return false;
  for (unsigned char c : text)
    if (!is_token_char(c)) return false;
  return true;
}

// Splits the request target (RFC 9112, section 3.2) into path and query.
HttpFault parse_target(std::string_view target, HttpHead& head) {
  for (unsigned char c : target)
    if (c <= 0x20 || c >= 0x7f || c == '#') return bad("request target has a forbidden character");
  if (target == "*" && head.method == "OPTIONS") {
    head.path = "*";
    return {};
  }
  for (std::string_view scheme : {"http://", "https://"}) {
    if (!iequals(target.substr(0, scheme.size()), scheme)) continue;
    const std::size_t slash = target.find_first_of("/?", scheme.size());
    if (slash == scheme.size()) return bad("request target has no host");
    target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
    break;
  }
  const std::size_t mark = target.find('?');
  const std::string_view path = target.substr(0, mark);
  if (mark == 0) {
    head.path = "/";
  } else {
    if (path.empty() || path[0] != '/') return bad("request target must begin with /");
    head.path = path;
  }
  if (mark != std::string_view::npos) head.query = target.substr(mark + 1);
  return {};
}

HttpFault parse_request_line(std::string_view line, const HeadLimits& limits, HttpHead& head) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return bad("request line is not METHOD TARGET VERSION");
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!is_token(method) || method.size() > 32) return bad("request method is not a token");
  if (version.size() != 8 || version.substr(0, 5) != "HTTP/" || version[6] != '.' ||
      !is_digit(version[5]) || !is_digit(version[7]))
    return bad("request line does not end in an HTTP version");
  if (version[5] != '1') return {505, "this HTTP version is not served; use 1.0 or 1.1"};
  if (target.size() > limits.target_bytes)
    return {414, "request target is longer than " + std::to_string(limits.target_bytes) + " bytes"};
  if (target.empty()) return bad("request target is empty");
  head.method = method;
  head.minor = version[7] == '0' ? 0 : 1;
  head.keep_alive = head.minor >= 1;
  return parse_target(target, head);
}

HttpFault parse_field(std::string_view line, Headers& headers) {
  if (line[0] == ' ' || line[0] == '\t') return bad("header line is folded");
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return bad("header line has no colon");
  const std::string_view name = line.substr(0, colon);
  if (!is_token(name)) return bad("header name has a forbidden character");
  const std::string_view value = trim(line.substr(colon + 1));
  for (unsigned char c : value)
    if ((c < 0x20 && c != '\t') || c == 0x7f)
      return bad("header " + std::string(name) + " has a control character");
  headers.add(std::string(name), std::string(value));
  return {};
}

// Calls use(token) for each member of the comma-separated lists of all fields of that name.
template <class Use>
void for_each_token(const Headers& headers, std::string_view name, Use use) {
  for (const auto& [field, value] : headers.fields()) {
    if (!iequals(field, name)) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const std::size_t comma = rest.find(',');
      use(trim(rest.substr(0, comma)));
      rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
    }
  }
}

// How long the body is (RFC 9112, section 6).
HttpFault parse_framing(HttpHead& head) {
  const std::size_t lengths = head.headers.count("content-length");
  const std::size_t codings = head.headers.count("transfer-encoding");
  if (lengths > 1) return bad("Content-Length is given twice");
  if (codings > 1) return bad("Transfer-Encoding is given twice");
  if (lengths == 1 && codings == 1) return bad("both Content-Length and Transfer-Encoding");
  if (codings == 1) {
    if (head.minor == 0) return bad("Transfer-Encoding in HTTP/1.0");
    if (!iequals(head.headers.get("transfer-encoding"), "chunked"))
      return {501, "only the transfer coding \"chunked\" is known"};
    head.chunked = true;
  }
  if (lengths == 1) {
    const std::string_view text = head.headers.get("content-length");
    if (text.empty() || text.size() > 18 ||
        text.find_first_not_of("0123456789") != std::string_view::npos)
      return bad("Content-Length is not a number");
    std::from_chars(text.data(), text.data() + text.size(), head.content_length);
  }
  return {};
}

HttpFault parse_meaning(HttpHead& head) {
  const std::size_t hosts = head.headers.count("host");
  if (hosts > 1) return bad("Host is given twice");
  if (hosts == 0 && head.minor >= 1) return bad("Host is missing");
  if (hosts == 1 && head.headers.get("host").find_first_of(" \t,/@\\") != std::string_view::npos)
    return bad("Host is not a host");

  bool close = false, keep = false;
  for_each_token(head.headers, "connection", [&](std::string_view token) {
    close = close || iequals(token, "close");
    keep = keep || iequals(token, "keep-alive");
  });
  if (close) head.keep_alive = false;
  if (keep && !close) head.keep_alive = true;

  if (const std::string* expect = head.headers.find("expect"); expect && head.minor >= 1) {
    if (!iequals(*expect, "100-continue")) return {417, "only Expect: 100-continue is known"};
    head.expect_continue = true;
  }
  return parse_framing(head);
}

}  // namespace

HttpFault HeadScanner::scan(std::string_view buffer, const HeadLimits& limits, std::size_t& end) {
  end = 0;
  // Method, two spaces, version and line end take at most 44 bytes more than the target.
  const std::size_t line_limit = limits.target_bytes + 44;
  const auto long_line = [line_limit] {
    return HttpFault{414, "request line is longer than " + std::to_string(line_limit) + " bytes"};
  };
  for (;;) {
    const std::size_t newline = buffer.find('\n', scanned_);
    if (newline == std::string_view::npos) {
      scanned_ = buffer.size();
      break;
    }
    if (newline == 0 || buffer[newline - 1] != '\r') return bad("line ends in a bare LF");
    if (first_line_ && newline >= line_limit) return long_line();
    scanned_ = newline + 1;
    const bool empty = newline - 1 == line_start_;
    line_start_ = scanned_;
    if (empty && !first_line_) {
      end = scanned_;
      break;
    }
    first_line_ = false;
  }
  if (first_line_ && buffer.size() > line_limit) return long_line();
  if ((end != 0 ? end : buffer.size()) > limits.header_bytes)
    return {431, "header is larger than " + std::to_string(limits.header_bytes) + " bytes"};
  return {};
}

HttpFault parse_head(std::string_view text, const HeadLimits& limits, HttpHead& head) {
  std::size_t line_end = text.find("\r\n");
  if (line_end == std::string_view::npos) return bad("request line is not complete");
  if (HttpFault fault = parse_request_line(text.substr(0, line_end), limits, head)) return fault;
  std::size_t at = line_end + 2;
  while ((line_end = text.find("\r\n", at)) != std::string_view::npos && line_end > at) {
    if (head.headers.fields().size() == limits.fields)
      return {431, "header has more than " + std::to_string(limits.fields) + " fields"};
    if (HttpFault fault = parse_field(text.substr(at, line_end - at), head.headers)) return fault;
    at = line_end + 2;
  }
  return parse_meaning(head);
}

}  // namespace serval::host
