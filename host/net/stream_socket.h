// One connected socket, plain or TLS, that never blocks: operations say what to wait for.
#pragma once

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <memory>
#include <openssl/types.h>
#include <string_view>

namespace serval::host {

namespace asio = boost::asio;

enum class Io {
  ok,          // some bytes were moved
  wait_read,   // try again when the socket is readable
  wait_write,  // ... writable
  end,         // the peer has closed its side
  failed,      // the connection is broken
};

struct SslDeleter {
  void operator()(SSL* ssl) const;
};

// TLS works on the file descriptor itself: no copies between engine and socket, and no buffers for
// a connection that is idle. One thread at a time.
class StreamSocket {
 public:
  using Socket =
      asio::basic_stream_socket<asio::generic::stream_protocol, asio::io_context::executor_type>;

  // Plain while tls is null.
  StreamSocket(Socket socket, SSL_CTX* tls);
  ~StreamSocket();
  StreamSocket(const StreamSocket&) = delete;
  StreamSocket& operator=(const StreamSocket&) = delete;

  bool tls() const { return ssl_ != nullptr; }

  // TLS: one step; ok when it is complete.
  Io handshake();
  // moved: bytes, if ok.
  Io read_some(char* to, std::size_t size, std::size_t& moved);
  Io write_some(std::string_view from, std::size_t& moved);

  // Says that nothing more will be written; the other direction stays.
  void shutdown_write();
  void close();

  // For async_wait and cancel.
  Socket& raw() { return socket_; }

 private:
  Io ssl_result(int result);

  Socket socket_;
  std::unique_ptr<SSL, SslDeleter> ssl_;
  bool broken_ = false;  // TLS: no shutdown alert after a fatal error
};

}  // namespace serval::host
