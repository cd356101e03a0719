// WebSockets (RFC 6455), the server's side: the opening handshake and the frames. No extensions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "host/net/http_message.h"

namespace serval::host {

struct WsLimits {
  std::size_t text_bytes = 64u << 10, binary_bytes = 1u << 20;  // of one message; more: 1009
};

// Takes a client's frames in pieces of any size and puts fragments together. Refused (1002):
// reserved bits, unknown opcodes, unmasked frames, control frames that are long or fragmented,
// fragments out of place, lengths longer than need be, close payloads that are malformed; 1007:
// text that is not UTF-8.
class WebSocketReader {
 public:
  explicit WebSocketReader(const WsLimits& limits) : limits_(limits) {}

  // Takes bytes from the front of `input` until a message is complete. nullopt: more are needed, or
  // fault() says why nothing will come any more.
  std::optional<WsMessage> next(std::string_view& input);
  const WsClose& fault() const { return fault_; }

 private:
  bool take_header(std::string_view& input);  // false: incomplete, or a fault
  bool check_header(uint8_t first, uint8_t second);
  void take_payload(std::string_view& input);
  std::optional<WsMessage> end_of_frame();
  void fail(uint16_t code, const char* reason) { fault_ = {code, reason}; }

  const WsLimits limits_;
  std::string header_;  // of the frame under way, while it is incomplete
  bool in_frame_ = false;
  uint8_t opcode_ = 0;
  bool final_ = false;
  uint64_t left_ = 0;  // bytes of the frame's payload still to come
  char mask_[4] = {};
  std::size_t masked_ = 0;      // bytes of the payload so far
  std::string control_;         // payload of a control frame
  std::string message_;         // of the data frames so far
  uint8_t message_opcode_ = 0;  // 0: no message is under way
  WsClose fault_;
};

// Appends one frame with the whole message.
void append_ws_frame(std::string& out, WsMessage::Kind kind, std::string_view data);
void append_ws_close(std::string& out, const WsClose& close);

// Section 4.2: the response to a request that may become a WebSocket (101), or why it may not (400,
// 426).
HttpResponse ws_handshake(const HttpRequest& request);

}  // namespace serval::host
