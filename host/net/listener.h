// Listening sockets: opens them, accepts from them, spreads connections over the network threads.
#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "host/net/io_thread.h"

namespace serval::host {

// A file descriptor with an owner.
class OwnedFd {
 public:
  explicit OwnedFd(int fd = -1) : fd_(fd) {}
  OwnedFd(OwnedFd&& other) noexcept : fd_(other.release()) {}
  OwnedFd& operator=(OwnedFd&&) = delete;
  ~OwnedFd();
  int get() const { return fd_; }
  int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

 private:
  int fd_;
};

struct ListenSocket {
  OwnedFd fd;
  uint16_t port = 0;  // the real one; 0: unix socket
};

// Binds and listens. invalid_argument: the address cannot be understood; unavailable: it cannot be
// used (taken, no permission).
Result<ListenSocket> open_listener(const ListenOptions& options);

// Accepts on the first network thread. Runs there, owned by its pending handlers and the server.
class Listener : public std::enable_shared_from_this<Listener> {
 public:
  // threads: where connections go, in turn; they outlive the listener.
  Listener(ListenOptions options, ListenSocket socket, std::vector<IoThread*> threads);
  ~Listener();

  void start();
  void stop();  // closes the socket; removes a unix socket's file

 private:
  using Executor = asio::io_context::executor_type;
  using Clock = std::chrono::steady_clock;

  void accept_later();
  void accept_all();
  void take(OwnedFd fd, std::string peer, bool tcp);
  void pause(int why);

  const ListenOptions options_;
  const std::vector<IoThread*> threads_;
  std::size_t next_thread_ = 0;
  asio::posix::basic_stream_descriptor<Executor> descriptor_;
  asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor> pause_;
  Clock::time_point warned_at_{};
};

}  // namespace serval::host
