// Bounds of the network side. Every one has a default; none can be switched off.
#pragma once

#include <chrono>
#include <cstddef>

namespace serval::host {

struct NetLimits {
  std::size_t connections = 10'000;           // open at once, all listeners together
  std::size_t connections_per_address = 256;  // of one IP address; unix sockets do not count
  std::size_t target_bytes = 8u << 10;        // request target; longer: 414
  std::size_t header_bytes = 16u << 10;       // request line and all fields; more: 431
  std::size_t header_fields = 100;            // more: 431
  std::size_t body_bytes = 32u << 20;         // unless a route says otherwise; more: 413
  std::size_t write_batch_bytes = 64u << 10;  // most bytes taken from a stream for one write

  std::chrono::milliseconds handshake{5'000};  // TLS, in total
  std::chrono::milliseconds header{10'000};    // first byte to end of the header, in total
  std::chrono::milliseconds idle{75'000};      // between two requests of a connection
  std::chrono::milliseconds write{30'000};     // without the peer taking a byte
  std::chrono::milliseconds ping{15'000};      // between two pings of a stream that says nothing
  // A body may take this grace and one second for each body_rate bytes of it.
  std::chrono::milliseconds body_grace{10'000};
  std::size_t body_rate = 1024;  // bytes/s
};

}  // namespace serval::host
