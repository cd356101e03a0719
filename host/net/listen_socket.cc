#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/net/listener.h"

namespace serval::host {
namespace {

constexpr int kBacklog = 4096;
constexpr int kSocketType = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

Error cannot(const std::string& what, int why) {
  return error(Code::unavailable, "cannot listen on " + what + ": " + strerror(why));
}

// A socket file that nobody listens on is left over from a server that was killed.
bool is_stale(const sockaddr_un& address) {
  OwnedFd probe(socket(AF_UNIX, kSocketType, 0));
  return probe.get() >= 0 &&
         connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
         errno == ECONNREFUSED;
}

Result<ListenSocket> open_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return invalid("unix socket path is longer than " +
                   std::to_string(sizeof address.sun_path - 1) + " bytes: " + path);
  memcpy(address.sun_path, path.c_str(), path.size() + 1);

  struct stat info {};
  if (lstat(path.c_str(), &info) == 0) {
    if (!S_ISSOCK(info.st_mode)) return cannot(path, EEXIST);
    if (!is_stale(address)) return cannot(path, EADDRINUSE);
    unlink(path.c_str());
  }
  OwnedFd fd(socket(AF_UNIX, kSocketType, 0));
  // The mode of the socket is that of its file: others are shut out from the first moment.
  if (fd.get() < 0 || fchmod(fd.get(), 0600) != 0 ||
      bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(fd.get(), kBacklog) != 0)
    return cannot(path, errno);
  return ListenSocket{std::move(fd), 0};
}

}  // namespace

OwnedFd::~OwnedFd() {
  if (fd_ >= 0) close(fd_);
}

Result<ListenSocket> open_listener(const ListenOptions& options) {
  if (!options.unix_path.empty()) return open_unix(options.unix_path);
  const std::string what = options.host + " port " + std::to_string(options.port);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failed =
      getaddrinfo(options.host.c_str(), std::to_string(options.port).c_str(), &hints, &found);
  if (failed != 0) return invalid("cannot listen on " + what + ": " + gai_strerror(failed));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);

  OwnedFd fd(socket(found->ai_family, kSocketType, 0));
  if (fd.get() < 0) return cannot(what, errno);
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (found->ai_family == AF_INET6) setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (bind(fd.get(), found->ai_addr, found->ai_addrlen) != 0 || listen(fd.get(), kBacklog) != 0)
    return cannot(what, errno);

  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (getsockname(fd.get(), reinterpret_cast<sockaddr*>(&bound), &size) != 0)
    return cannot(what, errno);
  const uint16_t port = bound.ss_family == AF_INET6
                            ? reinterpret_cast<sockaddr_in6&>(bound).sin6_port
                            : reinterpret_cast<sockaddr_in&>(bound).sin_port;
  return ListenSocket{std::move(fd), ntohs(port)};
}

}  // namespace serval::host
