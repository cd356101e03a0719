// The HTTP/1.1 server: listeners, network threads, start and drain.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "host/net/auth.h"
#include "host/net/limits.h"
#include "host/net/router.h"
#include "host/net/tls.h"

namespace serval::host {

struct ListenOptions {
  std::string host;                      // "127.0.0.1", "::1"; empty: unix_path counts
  uint16_t port = 0;                     // 0: any free one, see HttpServer::ports()
  std::string unix_path;                 // made with mode 0600, removed on stop
  std::shared_ptr<TlsContext> tls;       // null: plain
  std::shared_ptr<const Router> router;  // required
};

// One request that has been answered, or broken off. No payload, no key, no query.
struct RequestRecord {
  std::string method;
  std::string path;   // as sent, at most 256 bytes, control characters cannot occur
  std::string route;  // the pattern that matched, or ""
  std::string peer;
  std::string request_id;
  std::string tenant;
  std::string key_id;
  int status = 0;              // 499: the client went away before the head of a reply
  bool broken = false;         // the reply was not sent in full
  uint64_t body_bytes = 0;     // of the request
  uint64_t sent_bytes = 0;     // of the reply's body
  uint64_t received_ns = 0;    // header complete, on now_ns()'s clock
  uint64_t first_byte_ns = 0;  // head written; 0: never
  uint64_t finished_ns = 0;
};

struct ServerOptions {
  std::vector<ListenOptions> listeners;
  NetLimits limits;
  int threads = 1;
  std::shared_ptr<const Authenticator> authenticator;  // null: everybody may do everything
  // Both are called on network threads and must not block.
  std::function<void(const RequestRecord&)> on_request;
  std::function<void(std::string message)> on_warning;  // e.g. accept fails for want of files
};

struct NetStats {
  uint64_t open_connections = 0;
  uint64_t accepted_connections = 0;
  uint64_t refused_connections = 0;  // above a connection limit
  uint64_t running_requests = 0;
};

class HttpServer {
 public:
  // Listens and serves. invalid_argument: a bad address; unavailable: it is in use.
  static Result<std::unique_ptr<HttpServer>> start(ServerOptions options);

  // stop()s.
  virtual ~HttpServer() = default;

  // The ports of TCP listeners, 0 for unix sockets, in the order of the options.
  virtual std::vector<uint16_t> ports() const = 0;
  virtual NetStats stats() const = 0;

  // Stops accepting, closes idle connections; running requests go on and answer with
  // "Connection: close". Any thread.
  virtual void drain() = 0;

  // Waits until no connection is open or deadline_ns (now_ns()'s clock) has passed; true: none is.
  virtual bool wait_drained(uint64_t deadline_ns) = 0;

  // Closes everything, cancels what runs, joins the threads. Must not be called on them.
  // Idempotent.
  virtual void stop() = 0;
};

}  // namespace serval::host
