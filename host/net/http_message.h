// Requests and responses without sockets: what handlers take and give.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "host/net/auth.h"
#include "host/net/websocket_message.h"

namespace serval::host {

// Header fields in the order they came. Names compare without case.
class Headers {
 public:
  // The first field of that name, or nullptr.
  const std::string* find(std::string_view name) const;
  // Its value, or "".
  std::string_view get(std::string_view name) const;
  std::size_t count(std::string_view name) const;
  void add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct HttpRequest {
  std::string method;  // "GET"; HEAD reaches GET handlers as "HEAD"
  std::string path;    // without query, as sent
  std::string query;   // behind '?', as sent
  std::string tail;    // what matched the pattern's {..}, percent-decoded
  Headers headers;
  std::string body;

  std::string request_id;    // the client's x-request-id if it was valid, else a new UUIDv7
  std::string peer;          // address without port, "unix" for unix sockets
  Principal principal;       // filled for routes that need a scope
  uint64_t received_ns = 0;  // header complete, on now_ns()'s clock
};

struct HttpResponse {
  int status = 200;
  Headers headers;  // the server adds Content-Length, Date, Connection, x-request-id
  std::string body;
  bool streamed = false;  // the body comes from Reply::read instead
};

// A reply that is not complete yet. The server asks it on one thread only; it runs `ready` (set
// once, from any thread) when there may be more. Destroying it early means the client has gone.
//
//   head()  until it gives a response; if that is not `streamed` it is the whole reply
//   read()  until it says done or failed, each time only after the last bytes were taken by the
//           socket, so a slow peer slows its own stream and nothing else
class Reply {
 public:
  enum class State { wait, more, done, failed };

  virtual ~Reply() = default;
  virtual void on_ready(std::function<void()> ready) = 0;
  virtual std::optional<HttpResponse> head() = 0;
  // Appends what is there, about `most` bytes. wait: nothing until `ready`; more: ask again after
  // writing. failed: write what was appended, then break the connection, so that it cannot be
  // mistaken for a whole body.
  virtual State read(std::string& out, std::size_t most) = 0;
  // Bytes that mean nothing, to show that the stream lives; "" if the format has none.
  virtual std::string_view ping() const { return {}; }
};

// The request becomes a WebSocket. response: what ws_handshake() gave, with status 101
struct Upgrade {
  HttpResponse response;
  std::unique_ptr<WebSocket> socket;
};

using Handled = std::variant<HttpResponse, std::unique_ptr<Reply>, Upgrade>;
using Handler = std::function<Handled(HttpRequest)>;

// The body of one request, taken as it arrives. On the connection's thread; an exception becomes a
// reply of 500. Destroyed without finish() when the client goes, the body is too large, slow or
// malformed, or receive() has replied.
class BodyReceiver {
 public:
  virtual ~BodyReceiver() = default;
  // The next bytes; at first none, before the body is asked for. A response: that is the reply, and
  // what else comes is of no use.
  virtual std::optional<HttpResponse> receive(std::string_view bytes) = 0;
  // There are no more.
  virtual Handled finish() = 0;
};
// The request has its head alone; most: bytes of the body at most. Called by all network threads.
using Receiver = std::function<std::unique_ptr<BodyReceiver>(HttpRequest head, uint64_t most)>;

}  // namespace serval::host
