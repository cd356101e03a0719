// Which handler serves a method and path, and how errors look there.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "host/net/http_message.h"

namespace serval::host {

struct Route {
  std::string method;  // "GET", "POST", ...; a GET route serves HEAD too
  // "/v1/models/{}/load": {} stands for one segment; "/v1/models/{...}" for all that is left.
  std::string path;
  uint32_t scope = kScopeNone;  // one Scope bit the principal must have
  Handler handler;              // of the whole request
  std::size_t body_bytes = 0;   // limit of the body; 0: the server's default
  Receiver receiver = {};       // instead of the handler
};

// Makes the body of an error. `status` is decided already; headers that belong to the status
// (Allow, Retry-After) are added by the caller.
using ErrorForm = std::function<HttpResponse(int status, const Error& error)>;

// Filled before the server starts, then only read: thread-safe from then on.
class Router {
 public:
  void add(Route route) { routes_.push_back(std::move(route)); }

  // Errors on paths that begin with `prefix` look like this; the longest prefix wins. Without one:
  // {"error":"message"}.
  void set_error_form(std::string prefix, ErrorForm form);

  struct Match {
    const Route* route = nullptr;
    std::string tail;   // decoded text of the pattern's {}
    std::string allow;  // methods of this path, "GET, HEAD"; empty: no such path
  };
  Match find(std::string_view method, std::string_view path) const;

  HttpResponse error(std::string_view path, int status, const Error& error) const;

 private:
  std::vector<Route> routes_;
  std::vector<std::pair<std::string, ErrorForm>> forms_;
};

// "%41" -> "A". nullopt: not two hex digits behind a %, or a zero byte.
std::optional<std::string> percent_decode(std::string_view text);

// The HTTP status of an error that no protocol maps otherwise: 400 401 403 404 409 429 499 500 501
// 503 504.
int http_status(Code code);

}  // namespace serval::host
