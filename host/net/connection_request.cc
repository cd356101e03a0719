#include <algorithm>
#include <exception>

#include "common/json.h"
#include "host/net/chunked.h"
#include "host/net/connection.h"
#include "host/net/http_write.h"

namespace serval::host {
namespace {

constexpr std::size_t kHeadRead = 4u << 10;      // bytes a read while a head is incomplete
constexpr std::size_t kBodyRead = 64u << 10;     // ... a body
constexpr std::size_t kSkippedBody = 64u << 10;  // a refused body up to this is read and dropped
constexpr std::size_t kTrustedBody = 256u << 10;
// HttpFault.status: nobody is left to be told; the rest of the body is not wanted.
constexpr int kGone = -1, kUnwanted = -2;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

Error plain_error(int status, std::string message) {
  Code code = Code::invalid_argument;
  if (status == 404) code = Code::not_found;
  if (status == 501) code = Code::unimplemented;
  if (status >= 500 && status != 501) code = Code::internal;
  return error(code, std::move(message));
}

}  // namespace

Connection::Task<bool> Connection::read_head(HttpHead& head, HttpFault& fault) {
  const HeadLimits limits{limits_.target_bytes, limits_.header_bytes, limits_.header_fields};
  set_deadline(Clock::now() + limits_.header);
  HeadScanner scanner;
  for (bool started = false;;) {
    // Some clients send an empty line behind a body; it belongs to no request.
    while (!started && inbox_.compare(0, 2, "\r\n") == 0) inbox_.erase(0, 2);
    started = started || (!inbox_.empty() && inbox_ != "\r");
    std::size_t end = 0;
    if (started) fault = scanner.scan(inbox_, limits, end);
    if (fault) co_return true;
    if (end != 0) {
      fault = parse_head(std::string_view(inbox_).substr(0, end), limits, head);
      inbox_.erase(0, end);
      co_return true;
    }
    const Io result = fill(kHeadRead);
    if (result == Io::ok) continue;
    if (result == Io::end || result == Io::failed) co_return false;
    const bool ready = co_await wait(result);
    if (ready) continue;
    if (!timed_out_ || !started) co_return false;
    fault = {408, "the header did not arrive in time"};
    co_return true;
  }
}

Connection::Task<HttpFault> Connection::read_body(const HttpHead& head, std::size_t limit,
                                                  const BodySink& sink) {
  const Clock::time_point started = Clock::now();
  ChunkedDecoder decoder(limit, limits_.header_bytes);
  std::string decoded;
  uint64_t received = 0;
  uint64_t left = head.content_length;
  for (;;) {
    received += inbox_.size();
    std::string_view input = inbox_;
    bool wanted = true, over = false;
    if (head.chunked) {
      HttpFault fault = decoder.feed(input, decoded);
      if (fault) co_return fault;
      over = decoder.done();
      wanted = decoded.empty() || sink(decoded);
      decoded.clear();
    } else {
      const std::size_t n = std::min<uint64_t>(left, input.size());
      wanted = n == 0 || sink(input.substr(0, n));
      input.remove_prefix(n);
      left -= n;
      over = left == 0;
    }
    inbox_.erase(0, inbox_.size() - input.size());
    if (over) co_return HttpFault{};
    if (!wanted) co_return HttpFault{kUnwanted, {}};
    const Io result = fill(head.chunked ? kBodyRead : std::min<uint64_t>(left, kBodyRead));
    if (result == Io::ok) continue;
    if (result == Io::end || result == Io::failed) co_return HttpFault{kGone, {}};
    set_deadline(started + limits_.body_grace +
                 std::chrono::milliseconds(received * 1000 / limits_.body_rate));
    const bool ready = co_await wait(result);
    if (ready) continue;
    if (!timed_out_) co_return HttpFault{kGone, {}};
    co_return HttpFault{408, "the body arrives too slowly"};
  }
}

// What can be said against a request before its body is read.
std::optional<HttpResponse> Connection::gate(Exchange& x) {
  const Router& router = *setup_.router;
  const auto fail = [&](int status, const Error& why) {
    HttpResponse response = router.error(x.head.path, status, why);
    if (status == 401) response.headers.add("www-authenticate", "Bearer");
    return response;
  };
  if (x.head.path != "*") x.match = router.find(x.head.method, x.head.path);
  const Route* route = x.match.route;
  if (route == nullptr) {
    if (x.head.method == "OPTIONS" && (x.head.path == "*" || !x.match.allow.empty())) {
      HttpResponse response;
      response.status = 204;
      response.headers.add("allow",
                           x.match.allow.empty() ? "GET, HEAD, POST, OPTIONS" : x.match.allow);
      return response;
    }
    const std::string what = x.head.method + " " + x.head.path.substr(0, 200);
    if (x.match.allow.empty()) return fail(404, plain_error(404, "nothing is served at " + what));
    HttpResponse response =
        fail(405, plain_error(405, what + " is not served; allowed: " + x.match.allow));
    response.headers.add("allow", x.match.allow);
    return response;
  }
  x.record.route = route->path;
  if (route->scope != kScopeNone && io_.shared->authenticator) {
    Result<Principal> who =
        io_.shared->authenticator->authenticate(x.head.headers.get("authorization"));
    if (!who) return fail(http_status(who.error().code), who.error());
    x.principal = std::move(*who);
    x.record.tenant = x.principal.tenant;
    x.record.key_id = x.principal.key_id;
    if ((x.principal.scopes & route->scope) == 0)
      return fail(403, error(Code::permission_denied, "this key may not use " + x.head.path));
  }
  const std::size_t limit = body_limit(*route);
  if (x.head.content_length > limit)
    return fail(413, invalid("body is larger than " + std::to_string(limit) + " bytes"));
  return std::nullopt;
}

Connection::Task<bool> Connection::refuse(Exchange& x, HttpResponse response) {
  if (x.head.has_body() && x.body_left) {
    // A small body is dropped and the connection lives on; a large one is not worth its bytes.
    HttpFault fault{413, {}};
    const BodySink drop = [&x](std::string_view bytes) {
      x.record.body_bytes += bytes.size();
      return true;
    };
    if (!x.head.expect_continue && x.head.content_length <= kSkippedBody)
      fault = co_await read_body(x.head, kSkippedBody, drop);
    if (fault) x.keep_alive = false;
    if (fault.status == kGone) gone_ = true;
  }
  co_return co_await send_response(x, response);
}

Connection::Task<bool> Connection::refuse_malformed(Exchange& x, const HttpFault& fault) {
  x.keep_alive = false;  // nobody knows where the next request begins
  HttpResponse response =
      setup_.router->error(x.head.path, fault.status, plain_error(fault.status, fault.message));
  co_return co_await send_response(x, response);
}

HttpRequest Connection::take_request(Exchange& x) const {
  HttpRequest request;
  request.method = x.head.method;
  request.path = x.head.path;
  request.query = std::move(x.head.query);
  request.tail = std::move(x.match.tail);
  request.headers = std::move(x.head.headers);
  request.request_id = x.record.request_id;
  request.peer = setup_.peer;
  request.principal = x.principal;
  request.received_ns = x.record.received_ns;
  return request;
}

template <class Handle>
std::optional<Handled> Connection::guarded(const Exchange& x, Handle&& handle) {
  try {
    return handle();
  } catch (const std::exception& e) {  // out of memory, most likely: this request's problem only
    if (io_.shared->on_warning)
      io_.shared->on_warning(x.match.route->path + " failed: " + e.what());
    return setup_.router->error(x.head.path, 500, error(Code::internal, "the request failed"));
  }
}

std::size_t Connection::body_limit(const Route& route) const {
  return route.body_bytes != 0 ? route.body_bytes : limits_.body_bytes;
}

Connection::Task<bool> Connection::take_body(Exchange& x, const BodySink& sink) {
  if (x.head.has_body()) {
    if (x.head.expect_continue && inbox_.empty()) {
      const bool sent = co_await write(kContinue);
      if (!sent) co_return false;
    }
    const BodySink counted = [&](std::string_view bytes) {
      x.record.body_bytes += bytes.size();
      return sink(bytes);
    };
    const HttpFault fault = co_await read_body(x.head, body_limit(*x.match.route), counted);
    if (fault.status == kGone) co_return false;
    if (fault.status == kUnwanted) co_return true;
    if (fault) {
      co_await refuse_malformed(x, fault);
      co_return false;
    }
  }
  x.body_left = false;
  set_deadline(Clock::time_point::max());  // from here on the request's own deadline counts
  co_return true;
}

Connection::Task<bool> Connection::serve_whole(Exchange& x) {
  std::string body;
  // The length is only a promise, so little is taken for it.
  body.reserve(std::min<uint64_t>(x.head.content_length, kTrustedBody));
  const BodySink append = [&body](std::string_view bytes) {
    body += bytes;
    return true;
  };
  const bool complete = co_await take_body(x, append);
  if (!complete) co_return false;
  HttpRequest request = take_request(x);
  request.body = std::move(body);
  std::optional<Handled> handled = guarded(
      x, [&] { return std::optional<Handled>(x.match.route->handler(std::move(request))); });
  co_return co_await answer(x, std::move(*handled));
}

Connection::Task<bool> Connection::serve_arriving(Exchange& x) {
  const Route& route = *x.match.route;
  std::unique_ptr<BodyReceiver> receiver;
  std::optional<Handled> reply = guarded(x, [&] {
    receiver =
        route.receiver(take_request(x), x.head.chunked ? body_limit(route) : x.head.content_length);
    return std::optional<Handled>();
  });
  const BodySink receive = [&](std::string_view bytes) {
    reply = guarded(x, [&]() -> std::optional<Handled> { return receiver->receive(bytes); });
    return !reply;
  };
  if (!reply) receive({});  // what is wrong with the head is said before the body is asked for
  if (reply) co_return co_await refuse(x, std::move(std::get<HttpResponse>(*reply)));
  const bool go_on = co_await take_body(x, receive);
  if (!go_on) co_return false;
  if (!reply) reply = guarded(x, [&] { return std::optional<Handled>(receiver->finish()); });
  receiver.reset();
  if (x.body_left) x.keep_alive = false;
  co_return co_await answer(x, std::move(*reply));
}

// From what a handler gave to the connection's next request.
Connection::Task<bool> Connection::answer(Exchange& x, Handled handled) {
  io_.shared->running.fetch_add(1, std::memory_order_relaxed);
  bool open = false;
  if (auto* response = std::get_if<HttpResponse>(&handled)) {
    open = co_await send_response(x, *response);
  } else if (auto* reply = std::get_if<std::unique_ptr<Reply>>(&handled)) {
    open = co_await send_reply(x, std::move(*reply));
  } else {
    co_await serve_websocket(x, std::move(std::get<Upgrade>(handled)));
  }
  io_.shared->running.fetch_sub(1, std::memory_order_relaxed);
  co_return open;
}

Connection::Task<bool> Connection::serve_one() {
  Exchange x;
  HttpFault fault;
  const bool answerable = co_await read_head(x.head, fault);
  if (!answerable) co_return false;

  const std::string* id = x.head.headers.find("x-request-id");
  x.record.request_id = id != nullptr && is_valid_request_id(*id) ? *id : new_request_id();
  x.record.method = x.head.method;
  x.record.path = x.head.path.substr(0, 256);
  x.record.peer = setup_.peer;
  x.record.received_ns = now_ns();
  x.keep_alive = x.head.keep_alive;
  x.body_left = true;
  if (fault) co_return co_await refuse_malformed(x, fault);
  if (std::optional<HttpResponse> refusal = gate(x))
    co_return co_await refuse(x, std::move(*refusal));

  if (x.match.route->receiver) co_return co_await serve_arriving(x);
  co_return co_await serve_whole(x);
}

}  // namespace serval::host
