// The head of an HTTP/1.x request (RFC 9112), read strictly: whatever two servers could understand
// differently is refused, so that nobody can smuggle a request past a proxy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "host/net/http_message.h"

namespace serval::host {

struct HttpHead {
  std::string method;
  std::string path;   // begins with '/', or is "*"
  std::string query;  // behind '?'
  int minor = 1;      // of HTTP/1.x
  Headers headers;

  bool keep_alive = true;
  bool expect_continue = false;
  bool chunked = false;
  uint64_t content_length = 0;

  bool has_body() const { return chunked || content_length > 0; }
};

// Why a message is refused. status 0: it is not.
struct HttpFault {
  int status = 0;
  std::string message;
  explicit operator bool() const { return status != 0; }
};

struct HeadLimits {
  std::size_t target_bytes, header_bytes, fields;
};

// Finds the end of a head that arrives in pieces; every byte is looked at once.
class HeadScanner {
 public:
  // buffer: all bytes so far, from the start of the message. Sets `end` to the size of the head
  // (with its empty line) once it is complete, 0 before. Refused: a line that ends in a bare LF,
  // a head or request line above the limits.
  HttpFault scan(std::string_view buffer, const HeadLimits& limits, std::size_t& end);

 private:
  std::size_t scanned_ = 0;     // bytes looked at
  std::size_t line_start_ = 0;  // of the line under way
  bool first_line_ = true;
};

// text: one head as HeadScanner delimits it.
// Refused: 400 malformed, obs-fold, Content-Length with Transfer-Encoding or more than once, Host
// missing or twice; 414, 417, 431, 501 (other transfer codings), 505.
HttpFault parse_head(std::string_view text, const HeadLimits& limits, HttpHead& head);

}  // namespace serval::host
