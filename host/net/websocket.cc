#include "host/net/websocket.h"

#include <algorithm>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "common/utf8.h"
#include "host/net/ascii.h"

namespace serval::host {
namespace {

constexpr uint8_t kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10;
constexpr std::size_t kLongestControl = 125;

bool is_control(uint8_t opcode) { return opcode >= kClose; }

// Codes that may stand in a close frame: sections 7.4.1 and 7.4.2.
bool may_be_sent(unsigned code) {
  if (code >= 3000 && code <= 4999) return true;
  return (code >= 1000 && code <= 1014) && code != 1004 && code != 1005 && code != 1006;
}

bool has_token(const Headers& headers, std::string_view name, std::string_view token) {
  for (const auto& [field, value] : headers.fields()) {
    if (!iequals(field, name)) continue;
    for (std::string_view rest = value; !rest.empty();) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      if (iequals(trim(rest.substr(0, comma)), token)) return true;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return false;
}

// 16 bytes in base64.
bool is_key(std::string_view key) {
  if (key.size() != 24 || key.substr(22) != "==") return false;
  return std::all_of(key.begin(), key.begin() + 22,
                     [](unsigned char c) { return is_alnum(c) || c == '+' || c == '/'; });
}

std::string accept_of(std::string_view key) {
  const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  unsigned char encoded[4 * ((SHA_DIGEST_LENGTH + 2) / 3) + 1];
  const int n = EVP_EncodeBlock(encoded, digest, SHA_DIGEST_LENGTH);
  return {reinterpret_cast<const char*>(encoded), std::size_t(n)};
}

HttpResponse refusal(int status, const char* why) {
  HttpResponse response;
  response.status = status;
  response.headers.add("content-type", "text/plain; charset=utf-8");
  response.headers.add("sec-websocket-version", "13");
  if (status == 426) response.headers.add("upgrade", "websocket");
  response.body = std::string(why) + '\n';
  return response;
}

}  // namespace

bool WebSocketReader::check_header(uint8_t first, uint8_t second) {
  opcode_ = first & 0x0f;
  final_ = (first & 0x80) != 0;
  const unsigned length = second & 0x7f;
  if ((first & 0x70) != 0) return fail(kCloseProtocol, "reserved bits are set"), false;
  if ((opcode_ > kBinary && opcode_ < kClose) || opcode_ > kPong)
    return fail(kCloseProtocol, "unknown opcode"), false;
  if ((second & 0x80) == 0) return fail(kCloseProtocol, "a client's frames are masked"), false;
  if (is_control(opcode_)) {
    if (!final_ || length > kLongestControl)
      return fail(kCloseProtocol, "a control frame is fragmented or long"), false;
    return true;
  }
  if ((opcode_ == kContinuation) != (message_opcode_ != 0))
    return fail(kCloseProtocol, "a fragment is out of place"), false;
  return true;
}

bool WebSocketReader::take_header(std::string_view& input) {
  const auto need = [&](std::size_t n) {
    const std::size_t more = std::min(n - std::min(n, header_.size()), input.size());
    header_.append(input.substr(0, more));
    input.remove_prefix(more);
    return header_.size() >= n;
  };
  const auto byte = [&](std::size_t i) { return static_cast<uint8_t>(header_[i]); };
  if (!need(2) || !check_header(byte(0), byte(1))) return false;
  const unsigned coded = byte(1) & 0x7f;
  const std::size_t wide = coded == 126 ? 2 : coded == 127 ? 8 : 0;
  if (!need(2 + wide + 4)) return false;
  left_ = wide == 0 ? coded : 0;
  for (std::size_t i = 0; i < wide; ++i) left_ = left_ << 8 | byte(2 + i);
  if ((wide == 2 && left_ < 126) || (wide == 8 && (left_ < 65536 || left_ >> 63 != 0)))
    return fail(kCloseProtocol, "a length is written in more bytes than it needs"), false;
  std::copy_n(header_.data() + 2 + wide, 4, mask_);
  header_.clear();
  masked_ = 0;
  in_frame_ = true;
  if (is_control(opcode_)) return true;
  if (opcode_ != kContinuation) message_opcode_ = opcode_;
  const std::size_t most = message_opcode_ == kText ? limits_.text_bytes : limits_.binary_bytes;
  if (left_ > most - message_.size()) return fail(kCloseTooBig, "a message is too large"), false;
  return true;
}

void WebSocketReader::take_payload(std::string_view& input) {
  std::string& to = is_control(opcode_) ? control_ : message_;
  const std::size_t n = std::size_t(std::min<uint64_t>(left_, input.size()));
  const std::size_t begin = to.size();
  to.append(input.substr(0, n));
  for (std::size_t i = 0; i < n; ++i) to[begin + i] ^= mask_[(masked_ + i) % 4];
  input.remove_prefix(n);
  masked_ += n;
  left_ -= n;
}

std::optional<WsMessage> WebSocketReader::end_of_frame() {
  in_frame_ = false;
  if (is_control(opcode_)) {
    WsMessage control{opcode_ == kPing   ? WsMessage::Kind::ping
                      : opcode_ == kPong ? WsMessage::Kind::pong
                                         : WsMessage::Kind::close,
                      std::move(control_)};
    control_.clear();
    if (opcode_ != kClose || control.data.empty()) return control;
    const auto byte = [&](std::size_t i) {
      return unsigned(static_cast<uint8_t>(control.data[i]));
    };
    if (control.data.size() < 2 || !may_be_sent(byte(0) << 8 | byte(1))) {
      fail(kCloseProtocol, "a close frame is malformed");
      return std::nullopt;
    }
    if (!is_valid_utf8(std::string_view(control.data).substr(2))) {
      fail(kCloseNotUtf8, "a close frame's reason is not UTF-8");
      return std::nullopt;
    }
    return control;
  }
  if (!final_) return std::nullopt;
  const bool text = message_opcode_ == kText;
  message_opcode_ = 0;
  WsMessage message{text ? WsMessage::Kind::text : WsMessage::Kind::binary, std::move(message_)};
  message_.clear();
  if (text && !is_valid_utf8(message.data)) {
    fail(kCloseNotUtf8, "a text message is not UTF-8");
    return std::nullopt;
  }
  return message;
}

std::optional<WsMessage> WebSocketReader::next(std::string_view& input) {
  while (!fault_) {
    if (!in_frame_ && !take_header(input)) return std::nullopt;
    take_payload(input);
    if (left_ > 0) return std::nullopt;
    if (auto message = end_of_frame()) return message;
  }
  return std::nullopt;
}

void append_ws_frame(std::string& out, WsMessage::Kind kind, std::string_view data) {
  static constexpr uint8_t kOpcodes[] = {kText, kBinary, kPing, kPong, kClose};
  out += char(0x80 | kOpcodes[std::size_t(kind)]);
  if (data.size() < 126) {
    out += char(data.size());
  } else if (data.size() < 65536) {
    out += char(126);
    for (int shift = 8; shift >= 0; shift -= 8) out += char(data.size() >> shift);
  } else {
    out += char(127);
    for (int shift = 56; shift >= 0; shift -= 8) out += char(uint64_t(data.size()) >> shift);
  }
  out += data;
}

void append_ws_close(std::string& out, const WsClose& close) {
  std::string payload{char(close.code >> 8), char(close.code)};
  std::string_view reason = close.reason;
  reason = reason.substr(0, kLongestControl - 2);
  payload += reason.substr(0, valid_utf8_prefix(reason));
  append_ws_frame(out, WsMessage::Kind::close, payload);
}

HttpResponse ws_handshake(const HttpRequest& request) {
  const Headers& headers = request.headers;
  if (!has_token(headers, "upgrade", "websocket") || !has_token(headers, "connection", "upgrade"))
    return refusal(426, "this path is served as a WebSocket only");
  if (headers.get("sec-websocket-version") != "13")
    return refusal(426, "only version 13 of WebSocket is known");
  const std::string_view key = headers.get("sec-websocket-key");
  if (request.method != "GET" || headers.count("sec-websocket-key") != 1 || !is_key(key))
    return refusal(400, "the WebSocket handshake is malformed");
  HttpResponse response;
  response.status = 101;
  response.headers.add("upgrade", "websocket");
  response.headers.add("connection", "Upgrade");
  response.headers.add("sec-websocket-accept", accept_of(key));
  return response;
}

}  // namespace serval::host
