#include "tests/host/net/raw_client.h"

#include <arpa/inet.h>
#include <cstdlib>
#include <iostream>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace serval::host {

RawClient::RawClient(uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) close();
}

RawClient::RawClient(const std::string& unix_path) : fd_(socket(AF_UNIX, SOCK_STREAM, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, unix_path.c_str(), sizeof address.sun_path - 1);
  if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) close();
}

RawClient::~RawClient() { close(); }

void RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    bytes.remove_prefix(std::size_t(n));
  }
}

void RawClient::finish_writing() { shutdown(fd_, SHUT_WR); }

void RawClient::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void RawClient::reset() {
  const linger now{1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close();
}

bool RawClient::read_more() {
  if (closed_ || fd_ < 0) return false;
  pollfd wait{fd_, POLLIN, 0};
  if (poll(&wait, 1, 20'000) != 1) return false;
  char bytes[65536];
  const ssize_t n = recv(fd_, bytes, sizeof bytes, 0);
  if (n <= 0) {
    closed_ = true;
    return false;
  }
  buffer_.append(bytes, std::size_t(n));
  return true;
}

std::string RawClient::read_until(std::string_view text) {
  while (buffer_.find(text) == std::string::npos && read_more()) {
  }
  return std::exchange(buffer_, {});
}

std::string RawClient::read_all(bool* closed) {
  while (read_more()) {
  }
  if (closed != nullptr) *closed = closed_;
  return std::exchange(buffer_, {});
}

std::string RawClient::read_response() {
  std::size_t head = 0;
  while ((head = buffer_.find("\r\n\r\n")) == std::string::npos)
    if (!read_more()) return std::exchange(buffer_, {});
  std::size_t end = head + 4;
  const std::string fields = buffer_.substr(0, end);
  if (!header_of(fields, "content-length").empty()) {
    end += std::stoul(header_of(fields, "content-length"));
    while (buffer_.size() < end && read_more()) {
    }
  } else if (header_of(fields, "transfer-encoding") == "chunked") {
    while ((head = buffer_.find("\r\n0\r\n\r\n", end - 2)) == std::string::npos && read_more()) {
    }
    end = head == std::string::npos ? buffer_.size() : head + 7;
  }
  std::string response = buffer_.substr(0, end);
  buffer_.erase(0, end);
  return response;
}

int status_of(const std::string& response) {
  return response.rfind("HTTP/1.1 ", 0) == 0 ? std::atoi(response.c_str() + 9) : 0;
}

std::string body_of(const std::string& response) {
  const std::size_t head = response.find("\r\n\r\n");
  return head == std::string::npos ? "" : response.substr(head + 4);
}

std::string header_of(const std::string& response, std::string name) {
  name = "\r\n" + name + ": ";
  const std::size_t at = response.find(name);
  if (at == std::string::npos || at > response.find("\r\n\r\n")) return "";
  const std::size_t begin = at + name.size();
  return response.substr(begin, response.find("\r\n", begin) - begin);
}

std::string post(const std::string& path, const std::string& body, const std::string& fields) {
  return "POST " + path +
         " HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         fields + "\r\n" + body;
}

std::string get(const std::string& path, const std::string& fields) {
  return "GET " + path + " HTTP/1.1\r\nHost: test\r\n" + fields + "\r\n";
}

std::unique_ptr<HttpServer> start_server(Router router, ServerOptions options,
                                         ListenOptions listen) {
  if (listen.unix_path.empty()) listen.host = "127.0.0.1";
  listen.router = std::make_shared<const Router>(std::move(router));
  options.listeners.push_back(listen);
  Result<std::unique_ptr<HttpServer>> server = HttpServer::start(std::move(options));
  if (!server) {
    std::cerr << server.error().message << '\n';
    std::exit(1);
  }
  return std::move(*server);
}

}  // namespace serval::host
