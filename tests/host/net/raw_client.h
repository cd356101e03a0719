// A client that sends any bytes it likes: for tests of a server's manners.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <openssl/types.h>
#include <string>
#include <string_view>

#include "host/net/server.h"
#include "host/request/request.h"

namespace serval::host {

class RawClient {
 public:
  explicit RawClient(uint16_t port);
  explicit RawClient(const std::string& unix_path);
  RawClient(RawClient&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  ~RawClient();

  bool connected() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  void send(std::string_view bytes);
  void finish_writing();
  void close();
  void reset();  // as a client that is killed

  // Reads until `text` is in what was read (then returns all of it), the server closes, or 20 s.
  std::string read_until(std::string_view text);
  // Everything until the server closes; `closed` says whether it did within 20 s.
  std::string read_all(bool* closed = nullptr);
  // One response with Content-Length or chunked body; head and body as sent.
  std::string read_response();

 private:
  bool read_more();  // false: closed or time over
  std::string buffer_;
  bool closed_ = false;
  int fd_ = -1;
};

int status_of(const std::string& response);  // 0: none
std::string body_of(const std::string& response);
std::string header_of(const std::string& response, std::string name);

// A request with Host and Content-Length.
std::string post(const std::string& path, const std::string& body, const std::string& fields = "");
std::string get(const std::string& path, const std::string& fields = "");

// Starts a server on a free port of 127.0.0.1, or ends the test program.
std::unique_ptr<HttpServer> start_server(Router router, ServerOptions options = {},
                                         ListenOptions listen = {});

}  // namespace serval::host
