// What handlers of WebSockets take and give, without sockets and frames.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace serval::host {

// Close codes, section 7.4.1.
inline constexpr uint16_t kCloseNormal = 1000;
inline constexpr uint16_t kCloseGoingAway = 1001;
inline constexpr uint16_t kCloseProtocol = 1002;
inline constexpr uint16_t kCloseNotUtf8 = 1007;
inline constexpr uint16_t kClosePolicy = 1008;
inline constexpr uint16_t kCloseTooBig = 1009;
inline constexpr uint16_t kCloseInternal = 1011;
inline constexpr uint16_t kCloseTryLater = 1013;

struct WsClose {
  uint16_t code = 0;   // 0: none
  std::string reason;  // UTF-8; what is behind 123 bytes is not sent
  explicit operator bool() const { return code != 0; }
};

struct WsMessage {
  enum class Kind { text, binary, ping, pong, close } kind = Kind::text;
  std::string data;  // of text: valid UTF-8. Of close: its payload as it came
};

// What becomes of a connection whose handler accepts a WebSocket. The server asks it on one thread
// only; it runs `ready` (set once, from any thread) when there may be more to send, or when it has
// room for input again. Destroying it early means the client has gone.
class WebSocket {
 public:
  virtual ~WebSocket() = default;
  virtual void on_ready(std::function<void()> ready) = 0;
  // One text or binary message. False: there is no room now, and the same is offered again after
  // `ready`; until then nothing more is taken from the peer.
  virtual bool receive(const WsMessage& message) = 0;
  // Appends frames that are to be sent, about `most` bytes. Not 0: the last of them has been
  // appended, and the server closes with it.
  virtual WsClose send(std::string& out, std::size_t most) = 0;
};

}  // namespace serval::host
