#include "host/net/listener.h"

#include <arpa/inet.h>
#include <boost/asio/post.hpp>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/net/connection.h"

namespace serval::host {
namespace {

constexpr std::chrono::milliseconds kPause{100};  // between two tries while files are short
constexpr std::chrono::seconds kWarnAgain{10};
constexpr int kAcceptsInARow = 64;    // then running connections have their turn
constexpr int kRefusingAtOnce = 128;  // more are closed without a word

// Address of the peer as text, without port.
std::string peer_text(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text, sizeof text);
    return text;
  }
  if (address.ss_family != AF_INET6) return "unix";
  const in6_addr& v6 = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) {
    inet_ntop(AF_INET, v6.s6_addr + 12, text, sizeof text);
  } else {
    inet_ntop(AF_INET6, &v6, text, sizeof text);
  }
  return text;
}

}  // namespace

Listener::Listener(ListenOptions options, ListenSocket socket, std::vector<IoThread*> threads)
    : options_(std::move(options)),
      threads_(std::move(threads)),
      descriptor_(threads_[0]->context->get_executor(), socket.fd.release()),
      pause_(threads_[0]->context->get_executor()) {}

Listener::~Listener() { stop(); }

void Listener::start() { accept_later(); }

void Listener::stop() {
  if (!descriptor_.is_open()) return;
  boost::system::error_code ignored;
  descriptor_.close(ignored);
  pause_.cancel();
  if (!options_.unix_path.empty()) unlink(options_.unix_path.c_str());
}

void Listener::accept_later() {
  if (!descriptor_.is_open()) return;
  descriptor_.async_wait(asio::posix::descriptor_base::wait_read,
                         [self = shared_from_this()](boost::system::error_code ec) {
                           if (!ec && self->descriptor_.is_open()) self->accept_all();
                         });
}

void Listener::pause(int why) {
  const Clock::time_point now = Clock::now();
  const NetShared& shared = *threads_[0]->shared;
  if (shared.on_warning && now - warned_at_ >= kWarnAgain) {
    warned_at_ = now;
    shared.on_warning(std::string("connections cannot be accepted for now: ") + strerror(why));
  }
  pause_.expires_after(kPause);
  pause_.async_wait([self = shared_from_this()](boost::system::error_code ec) {
    if (!ec) self->accept_later();
  });
}

void Listener::accept_all() {
  for (int i = 0; i < kAcceptsInARow; ++i) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    OwnedFd fd(accept4(descriptor_.native_handle(), reinterpret_cast<sockaddr*>(&address), &size,
                       SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.get() >= 0) {
      take(std::move(fd), peer_text(address), options_.unix_path.empty());
      continue;
    }
    const int why = errno;
    if (why == EAGAIN || why == EWOULDBLOCK) break;
    // Out of files or memory: the connection stays in the queue, so waiting for it would spin.
    if (why == EMFILE || why == ENFILE || why == ENOBUFS || why == ENOMEM) return pause(why);
    // Anything else is the error of one connection that has ended already (accept(2)).
  }
  accept_later();
}

void Listener::take(OwnedFd fd, std::string peer, bool tcp) {
  NetShared& shared = *threads_[0]->shared;
  auto ticket = shared.admission.enter(tcp ? address_group(peer) : std::string());
  if (!ticket) {
    shared.refused.fetch_add(1, std::memory_order_relaxed);
    if (shared.refusing.fetch_add(1, std::memory_order_relaxed) >= kRefusingAtOnce) {
      shared.refusing.fetch_sub(1, std::memory_order_relaxed);
      return;
    }
  } else {
    shared.accepted.fetch_add(1, std::memory_order_relaxed);
  }
  if (tcp) {
    const int on = 1;
    setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  Connection::Setup setup;
  setup.router = options_.router;
  setup.peer = std::move(peer);
  setup.ticket = std::move(ticket);
  if (options_.tls) setup.tls = options_.tls->current();

  IoThread* io = threads_[next_thread_++ % threads_.size()];
  auto start = [io, fd = std::move(fd), setup = std::move(setup), tcp]() mutable {
    const asio::generic::stream_protocol protocol(tcp ? AF_INET : AF_UNIX, 0);
    boost::system::error_code ec;
    StreamSocket::Socket socket(io->context->get_executor());
    socket.assign(protocol, fd.get(), ec);
    if (ec) {
      if (!setup.ticket) io->shared->refusing.fetch_sub(1, std::memory_order_relaxed);
      return;
    }
    fd.release();
    std::make_shared<Connection>(*io, std::move(socket), std::move(setup))->start();
  };
  if (io == threads_[0]) {
    start();
  } else {
    asio::post(*io->context, std::move(start));
  }
}

}  // namespace serval::host
