#include "host/net/http_write.h"

#include <openssl/rand.h>
#include <time.h>

#include "host/net/ascii.h"

namespace serval::host {
namespace {

// "Sun, 06 Nov 1994 08:49:37 GMT"; made once a second and thread.
std::string_view http_date() {
  thread_local time_t second = 0;
  thread_local char text[32] = "";
  const time_t now = time(nullptr);
  if (now != second) {
    static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    tm t{};
    gmtime_r(&now, &t);
    snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[t.tm_wday], t.tm_mday,
             kMonths[t.tm_mon], (t.tm_year + 1900) % 10000, t.tm_hour, t.tm_min, t.tm_sec);
    second = now;
  }
  return text;
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 424:
      return "Failed Dependency";
    case 426:
      return "Upgrade Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 499:
      return "Client Closed Request";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
  }
  return "Unknown";
}

void write_head(std::string& out, const HttpResponse& response, const HeadOptions& options) {
  out.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
  out.append(reason_phrase(response.status)).append("\r\n");
  for (const auto& [name, value] : response.headers.fields()) append_field(out, name, value);
  append_field(out, "date", http_date());
  if (!options.request_id.empty()) append_field(out, "x-request-id", options.request_id);
  if (response.streamed) {
    if (!options.http10) append_field(out, "transfer-encoding", "chunked");
  } else if (response.status != 204 && response.status != 101) {
    append_field(out, "content-length", std::to_string(response.body.size()));
  }
  if (!options.keep_alive) {
    append_field(out, "connection", "close");
  } else if (options.http10) {
    append_field(out, "connection", "keep-alive");
  }
  out.append("\r\n");
}

std::string new_request_id() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  const uint64_t ms = uint64_t(now.tv_sec) * 1000 + uint64_t(now.tv_nsec) / 1'000'000;
  // Random bytes are fetched for many ids at once: one call costs more than one id needs.
  thread_local unsigned char pool[10 * 64];
  thread_local std::size_t used = sizeof pool;
  if (used == sizeof pool) {
    if (RAND_bytes(pool, sizeof pool) != 1) {  // no entropy: still unique enough within a thread
      for (std::size_t i = 0; i < sizeof pool; ++i)
        pool[i] = static_cast<unsigned char>(uint64_t(now.tv_nsec) >> (i % 24)) ^
                  static_cast<unsigned char>(i);
    }
    used = 0;
  }
  unsigned char id[16];
  for (int i = 0; i < 6; ++i) id[i] = static_cast<unsigned char>(ms >> (8 * (5 - i)));
  for (int i = 6; i < 16; ++i) id[i] = pool[used++];
  id[6] = static_cast<unsigned char>(0x70 | (id[6] & 0x0f));
  id[8] = static_cast<unsigned char>(0x80 | (id[8] & 0x3f));

  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kHex[id[i] >> 4];
    text += kHex[id[i] & 15];
  }
  return text;
}

bool is_valid_request_id(std::string_view text) {
  if (text.empty() || text.size() > 128) return false;
  for (unsigned char c : text)
    if (!is_alnum(c) && std::string_view("._:/+=-").find(char(c)) == std::string_view::npos)
      return false;
  return true;
}

}  // namespace serval::host
