#include "host/net/router.h"

#include "common/json.h"
#include "host/net/ascii.h"

namespace serval::host {
namespace {

// Whether `path` fits `pattern`; `tail` is what stands for its {} or {...}, still encoded.
bool fits(std::string_view pattern, std::string_view path, std::string_view& tail) {
  const std::size_t open = pattern.find('{');
  if (open == std::string_view::npos) return pattern == path;
  const std::size_t close = pattern.find('}', open);
  const std::string_view before = pattern.substr(0, open), behind = pattern.substr(close + 1);
  if (path.size() <= before.size() + behind.size() || path.substr(0, before.size()) != before ||
      path.substr(path.size() - behind.size()) != behind)
    return false;
  tail = path.substr(before.size(), path.size() - before.size() - behind.size());
  const bool one_segment = close == open + 1;
  return !one_segment || tail.find('/') == std::string_view::npos;
}

void add_method(std::string& allow, std::string_view method) {
  if (!allow.empty()) allow += ", ";
  allow += method;
}

}  // namespace

void Router::set_error_form(std::string prefix, ErrorForm form) {
  forms_.emplace_back(std::move(prefix), std::move(form));
}

Router::Match Router::find(std::string_view method, std::string_view path) const {
  Match match;
  for (const Route& route : routes_) {
    std::string_view tail;
    if (!fits(route.path, path, tail)) continue;
    std::optional<std::string> decoded = percent_decode(tail);
    if (!decoded) continue;
    add_method(match.allow, route.method);
    if (route.method == "GET") add_method(match.allow, "HEAD");
    if (match.route == nullptr &&
        (route.method == method || (method == "HEAD" && route.method == "GET"))) {
      match.route = &route;
      match.tail = std::move(*decoded);
    }
  }
  if (!match.allow.empty()) add_method(match.allow, "OPTIONS");
  return match;
}

HttpResponse Router::error(std::string_view path, int status, const Error& error) const {
  const std::pair<std::string, ErrorForm>* best = nullptr;
  for (const auto& form : forms_) {
    if (path.substr(0, form.first.size()) != form.first) continue;
    if (best == nullptr || form.first.size() > best->first.size()) best = &form;
  }
  if (best != nullptr) return best->second(status, error);
  HttpResponse response;
  response.status = status;
  response.headers.add("content-type", "application/json");
  response.body = json::serialize(json::object{{"error", error.message}});
  return response;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0 || (high == 0 && low == 0)) return std::nullopt;
    out += char(high * 16 + low);
    i += 2;
  }
  return out;
}

int http_status(Code code) {
  switch (code) {
    case Code::ok:
      return 200;
    case Code::invalid_argument:
    case Code::out_of_range:
      return 400;
    case Code::unauthenticated:
      return 401;
    case Code::permission_denied:
      return 403;
    case Code::not_found:
      return 404;
    case Code::already_exists:
    case Code::failed_precondition:
    case Code::aborted:
      return 409;
    case Code::resource_exhausted:
      return 429;
    case Code::cancelled:
      return 499;
    case Code::unimplemented:
      return 501;
    case Code::unavailable:
      return 503;
    case Code::deadline_exceeded:
      return 504;
    case Code::unknown:
    case Code::internal:
    case Code::data_loss:
      return 500;
  }
  return 500;
}

}  // namespace serval::host
