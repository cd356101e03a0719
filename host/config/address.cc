#include <arpa/inet.h>
#include <charconv>
#include <sys/un.h>

#include "host/config/server_config.h"

namespace serval::host {
namespace {

Error bad(std::string_view text, const std::string& why) {
  return invalid("found \"" + std::string(text.substr(0, 128)) + "\"" + why +
                 ", want \"IP:PORT\", \"[IPV6]:PORT\" or \"unix:/PATH\"");
}

}  // namespace

Result<Address> parse_address(std::string_view text) {
  Address address;
  if (text.find('\0') != std::string_view::npos) return bad("", " with a zero byte");
  if (text.starts_with("unix:")) {
    address.unix_path = text.substr(5);
    if (!address.unix_path.starts_with('/')) return bad(text, ", whose path does not begin with /");
    if (address.unix_path.size() >= sizeof(sockaddr_un::sun_path))
      return bad(text, ", whose path has more than " +
                           std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " bytes");
    return address;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad(text, ", which has no port");
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const auto [end, wrong] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (wrong != std::errc() || end != port.data() + port.size())
    return bad(text, ", whose port is no number from 0 to 65535");
  const bool bracketed = host.starts_with('[') && host.ends_with(']') && host.size() > 2;
  if (bracketed) host = host.substr(1, host.size() - 2);
  address.host = host;
  in6_addr bytes;
  if (inet_pton(bracketed ? AF_INET6 : AF_INET, address.host.c_str(), &bytes) != 1)
    return bad(text, ", whose host is no IP address");
  return address;
}

bool Address::loopback() const {
  if (!unix_path.empty()) return true;
  in_addr v4;
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6;
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

std::string Address::text() const {
  if (!unix_path.empty()) return "unix:" + unix_path;
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace serval::host
