// Any bytes as the frames of a WebSocket's client: however they are cut, the same is understood.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "common/utf8.h"
#include "host/net/websocket.h"

namespace {

using namespace serval::host;

constexpr WsLimits kLimits{100, 300};

void require(bool holds) {
  if (!holds) std::abort();
}

struct Understood {
  std::vector<std::string> messages;
  uint16_t fault = 0;
  bool operator==(const Understood&) const = default;
};

Understood understand(std::string_view bytes, std::size_t piece) {
  WebSocketReader reader(kLimits);
  Understood out;
  while (!bytes.empty() && !reader.fault()) {
    std::string_view input = bytes.substr(0, piece);
    bytes.remove_prefix(input.size());
    while (const auto message = reader.next(input)) {
      using Kind = WsMessage::Kind;
      const bool is_data = message->kind == Kind::text || message->kind == Kind::binary;
      require(message->data.size() <= (message->kind == Kind::text ? kLimits.text_bytes
                                       : is_data                   ? kLimits.binary_bytes
                                                                   : 125));
      require(message->kind != Kind::text || serval::is_valid_utf8(message->data));
      require(message->kind != Kind::close || message->data.size() != 1);
      out.messages.push_back(char('0' + int(message->kind)) + message->data);
    }
    require(input.empty() || reader.fault());
  }
  out.fault = reader.fault().code;
  return out;
}

}  // namespace

// The first byte says how the rest is cut.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  require(understand(bytes, 1 + data[0] % 16) == understand(bytes, bytes.size() + 1));
  return 0;
}
