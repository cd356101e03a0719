// Frames and the handshake of WebSockets, without sockets.
#include "host/net/websocket.h"

#include <gtest/gtest.h>

namespace serval::host {
namespace {

using Kind = WsMessage::Kind;

// A client's frame. bits: FIN, reserved ones and the opcode.
std::string frame(uint8_t bits, const std::string& data, bool masked = true) {
  std::string out(1, char(bits));
  const char mask_bit = masked ? char(0x80) : char(0);
  if (data.size() < 126) {
    out += char(mask_bit | char(data.size()));
  } else if (data.size() < 65536) {
    out += char(mask_bit | 126);
    out += char(data.size() >> 8);
    out += char(data.size());
  } else {
    out += char(mask_bit | 127);
    for (int shift = 56; shift >= 0; shift -= 8) out += char(uint64_t(data.size()) >> shift);
  }
  if (!masked) return out + data;
  const std::string mask = "\x01\xfe\x7f\x33";
  out += mask;
  for (std::size_t i = 0; i < data.size(); ++i) out += char(data[i] ^ mask[i % 4]);
  return out;
}

// All messages of the bytes, given in pieces of `piece`, as "kind:data"; a fault is the last.
std::vector<std::string> read(const std::string& bytes, std::size_t piece, WsLimits limits = {}) {
  static constexpr const char* kKinds[] = {"text", "binary", "ping", "pong", "close"};
  WebSocketReader reader(limits);
  std::vector<std::string> out;
  for (std::size_t at = 0; at < bytes.size() && !reader.fault(); at += piece) {
    std::string_view input = std::string_view(bytes).substr(at, piece);
    while (const auto message = reader.next(input))
      out.push_back(kKinds[std::size_t(message->kind)] + (":" + message->data));
    EXPECT_TRUE(input.empty() || reader.fault());
  }
  if (reader.fault()) out.push_back("fault:" + std::to_string(reader.fault().code));
  return out;
}

using List = std::vector<std::string>;

TEST(WebSocketReader, PutsMessagesTogetherHoweverTheyAreCut) {
  const std::string large(70'000, 'x'), medium(300, 'y');
  const std::string bytes = frame(0x81, "") + frame(0x82, medium) + frame(0x01, "a") +
                            frame(0x89, "ping") + frame(0x00, "b\xc3") + frame(0x80, "\xa4") +
                            frame(0x8a, "") + frame(0x82, large) +
                            frame(0x88,
                                  "\x03\xe8"
                                  "bye");
  const List want = {"text:",
                     "binary:" + medium,
                     "ping:ping",
                     "text:ab\xc3\xa4",
                     "pong:",
                     "binary:" + large,
                     std::string("close:\x03\xe8") + "bye"};
  for (const std::size_t piece : {1u, 2u, 7u, 1000u, 1u << 20}) EXPECT_EQ(read(bytes, piece), want);
}

TEST(WebSocketReader, RefusesWhatIsNoClientsFrame) {
  const std::string good = frame(0x81, "a");
  const auto fault = [&](const std::string& bytes) {
    const List got = read(good + bytes, 1 << 20);
    EXPECT_EQ(got.front(), "text:a");
    EXPECT_EQ(got, read(good + bytes, 1));
    return got.back();
  };
  for (const int reserved : {0x40, 0x20, 0x10})
    EXPECT_EQ(fault(frame(uint8_t(0x81 | reserved), "a")), "fault:1002");
  for (const int opcode : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15})
    EXPECT_EQ(fault(frame(uint8_t(0x80 | opcode), "a")), "fault:1002");
  EXPECT_EQ(fault(frame(0x81, "a", false)), "fault:1002");
  EXPECT_EQ(fault(frame(0x09, "a")), "fault:1002") << "a fragmented ping";
  EXPECT_EQ(fault(frame(0x89, std::string(126, 'a'))), "fault:1002") << "a long ping";
  EXPECT_EQ(fault(frame(0x80, "a")), "fault:1002") << "goes on with nothing";
  EXPECT_EQ(fault(frame(0x01, "a") + frame(0x81, "a")), "fault:1002") << "two at a time";
  EXPECT_EQ(fault(std::string("\x82\xfe\x00\x05\0\0\0\0aaaaa", 13)), "fault:1002") << "not minimal";
  EXPECT_EQ(fault(std::string("\x82\xff\0\0\0\0\0\0\xff\xff\0\0\0\0", 14)), "fault:1002");
  EXPECT_EQ(fault(std::string("\x82\xff\x80\0\0\0\0\1\0\0\0\0\0\0", 14)), "fault:1002");
  EXPECT_EQ(fault(frame(0x81, "\xc3")), "fault:1007");
  EXPECT_EQ(fault(frame(0x01, "\xed\xa0") + frame(0x80, "\x80")), "fault:1007");
  EXPECT_EQ(fault(frame(0x88, "\x03")), "fault:1002");
  for (const char* code : {"\x03\xe7", "\x03\xec", "\x03\xed", "\x03\xee", "\x03\xf7", "\x07\xd0"})
    EXPECT_EQ(fault(frame(0x88, code)), "fault:1002");
  EXPECT_EQ(fault(frame(0x88, "\x03\xe8\xff")), "fault:1007");
  EXPECT_EQ(fault(frame(0x88, "\x0b\xb8")), "close:\x0b\xb8");
}

TEST(WebSocketReader, MessagesAreBounded) {
  const WsLimits limits{10, 20};
  EXPECT_EQ(read(frame(0x81, "0123456789"), 3, limits), (List{"text:0123456789"}));
  EXPECT_EQ(read(frame(0x81, "0123456789a"), 3, limits), (List{"fault:1009"}));
  EXPECT_EQ(read(frame(0x01, "01234567") + frame(0x80, "890"), 3, limits), (List{"fault:1009"}));
  EXPECT_EQ(read(frame(0x82, std::string(20, 'a')), 3, limits).size(), 1u);
  EXPECT_EQ(read(frame(0x82, std::string(21, 'a')), 3, limits), (List{"fault:1009"}));
  // The length alone is enough: no byte of the payload has come.
  EXPECT_EQ(read(std::string("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 14), 14),
            (List{"fault:1009"}));
}

TEST(WebSocketFrames, AreAsShortAsCanBe) {
  std::string out;
  append_ws_frame(out, Kind::text, "hi");
  EXPECT_EQ(out, "\x81\x02hi");
  out.clear();
  append_ws_frame(out, Kind::binary, std::string(126, 'a'));
  EXPECT_EQ(out.substr(0, 4), std::string("\x82\x7e\x00\x7e", 4));
  out.clear();
  append_ws_frame(out, Kind::binary, std::string(65536, 'a'));
  EXPECT_EQ(out.substr(0, 10), std::string("\x82\x7f\0\0\0\0\0\1\0\0", 10));
  out.clear();
  append_ws_close(out, {kCloseTryLater, std::string(122, 'a') + "\xc3\xa4"});
  EXPECT_EQ(out.substr(0, 4), std::string("\x88\x7c\x03\xf5", 4));
  EXPECT_EQ(out.size(), 2 + 2 + 122u) << "no half character";
}

HttpRequest upgrade(const std::string& leave_out = {}, const std::string& other = {}) {
  HttpRequest request;
  request.method = "GET";
  for (const auto& [name, value] : std::initializer_list<std::pair<std::string, std::string>>{
           {"Upgrade", "websocket"},
           {"Connection", "keep-alive, Upgrade"},
           {"Sec-WebSocket-Version", "13"},
           {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}})
    if (name != leave_out) request.headers.add(name, value);
  if (!other.empty()) request.headers.add(leave_out, other);
  return request;
}

TEST(WebSocketHandshake, IsThatOfTheRfc) {
  const HttpResponse response = ws_handshake(upgrade());
  EXPECT_EQ(response.status, 101);
  EXPECT_EQ(response.headers.get("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(response.headers.get("upgrade"), "websocket");
  EXPECT_EQ(ws_handshake(upgrade("Upgrade")).status, 426);
  EXPECT_EQ(ws_handshake(upgrade("Connection")).status, 426);
  EXPECT_EQ(ws_handshake(upgrade("Upgrade", "h2c")).headers.get("upgrade"), "websocket");
  EXPECT_EQ(ws_handshake(upgrade("Sec-WebSocket-Version", "8")).status, 426);
  EXPECT_EQ(ws_handshake(upgrade("Sec-WebSocket-Key")).status, 400);
  EXPECT_EQ(ws_handshake(upgrade("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=")).status, 400);
  EXPECT_EQ(ws_handshake(upgrade("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25j(Q==")).status, 400);
  EXPECT_EQ(ws_handshake(upgrade("Nothing", "dGhlIHNhbXBsZSBub25jZQ==")).status, 101);
}

}  // namespace
}  // namespace serval::host
