#include "host/net/stream_socket.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

namespace serval::host {

void SslDeleter::operator()(SSL* ssl) const { SSL_free(ssl); }

StreamSocket::StreamSocket(Socket socket, SSL_CTX* tls) : socket_(std::move(socket)) {
  if (tls == nullptr) return;
  ssl_.reset(SSL_new(tls));
  if (!ssl_ || SSL_set_fd(ssl_.get(), socket_.native_handle()) != 1) {
    ssl_.reset();
    close();  // never go on in plain text
    return;
  }
  SSL_set_accept_state(ssl_.get());
}

StreamSocket::~StreamSocket() { close(); }

Io StreamSocket::ssl_result(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return Io::wait_read;
    case SSL_ERROR_WANT_WRITE:
      return Io::wait_write;
    case SSL_ERROR_ZERO_RETURN:
      return Io::end;
  }
  broken_ = true;
  ERR_clear_error();
  return Io::failed;
}

Io StreamSocket::handshake() {
  if (!socket_.is_open()) return Io::failed;
  ERR_clear_error();
  const int result = SSL_accept(ssl_.get());
  return result == 1 ? Io::ok : ssl_result(result);
}

Io StreamSocket::read_some(char* to, std::size_t size, std::size_t& moved) {
  if (!socket_.is_open()) return Io::failed;
  if (ssl_) {
    ERR_clear_error();
    const int result = SSL_read_ex(ssl_.get(), to, size, &moved);
    return result == 1 ? Io::ok : ssl_result(result);
  }
  for (;;) {
    const ssize_t n = recv(socket_.native_handle(), to, size, 0);
    if (n > 0) {
      moved = std::size_t(n);
      return Io::ok;
    }
    if (n == 0) return Io::end;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return Io::wait_read;
    if (errno != EINTR) return Io::failed;
  }
}

Io StreamSocket::write_some(std::string_view from, std::size_t& moved) {
  if (!socket_.is_open()) return Io::failed;
  if (ssl_) {
    ERR_clear_error();
    const int result = SSL_write_ex(ssl_.get(), from.data(), from.size(), &moved);
    return result == 1 ? Io::ok : ssl_result(result);
  }
  for (;;) {
    const ssize_t n = send(socket_.native_handle(), from.data(), from.size(), MSG_NOSIGNAL);
    if (n >= 0) {
      moved = std::size_t(n);
      return Io::ok;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return Io::wait_write;
    if (errno != EINTR) return Io::failed;
  }
}

void StreamSocket::shutdown_write() {
  if (!socket_.is_open()) return;
  if (ssl_ && !broken_) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
  }
  ::shutdown(socket_.native_handle(), SHUT_WR);
}

void StreamSocket::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

}  // namespace serval::host
