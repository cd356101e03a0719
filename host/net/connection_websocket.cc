// A connection that has become a WebSocket: both directions in one coroutine, woken by either.
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "host/net/connection.h"
#include "host/net/http_write.h"
#include "host/net/websocket.h"

namespace serval::host {
namespace {

constexpr auto kAwait = asio::use_awaitable_t<asio::io_context::executor_type>{};

// Frames from the peer on their way to the handler.
class Inbound {
 public:
  explicit Inbound(WebSocket& socket) : socket_(socket) {}

  // Takes bytes from the front of `input` as far as the handler has room; answers go to `out`. Not
  // 0: close with it.
  WsClose take(std::string_view& input, std::string& out) {
    for (;;) {
      if (!held_) held_ = reader_.next(input);
      if (!held_) return reader_.fault();
      if (held_->kind == WsMessage::Kind::close) return answer_to_close();
      if (held_->kind == WsMessage::Kind::ping) {
        append_ws_frame(out, WsMessage::Kind::pong, held_->data);
      } else if (held_->kind != WsMessage::Kind::pong && !socket_.receive(*held_)) {
        return {};
      }
      held_.reset();
    }
  }
  bool blocked() const { return held_.has_value(); }

 private:
  // The peer's own code, as section 5.5.1 has it.
  WsClose answer_to_close() const {
    if (held_->data.size() < 2) return {kCloseNormal, {}};
    const auto byte = [&](std::size_t i) { return unsigned(static_cast<uint8_t>(held_->data[i])); };
    return {uint16_t(byte(0) << 8 | byte(1)), {}};
  }

  WebSocket& socket_;
  WebSocketReader reader_{WsLimits{}};
  std::optional<WsMessage> held_;  // the handler has no room for it yet
};

}  // namespace

Connection::Task<void> Connection::serve_websocket(Exchange& x, Upgrade upgrade) {
  WebSocket& socket = *upgrade.socket;
  socket.on_ready(waker());
  input_wakes_ = true;
  x.keep_alive = false;
  x.record.status = upgrade.response.status;
  std::string out;
  write_head(out, upgrade.response, {true, false, x.record.request_id});
  Inbound inbound(socket);
  Clock::time_point heard = Clock::now(), next_ping = heard + limits_.ping;
  WsClose close;
  for (int batches = 1; !close; ++batches) {
    std::string_view input = inbox_;
    close = inbound.take(input, out);
    if (const std::size_t taken = inbox_.size() - input.size(); taken > 0) {
      x.record.body_bytes += taken;
      inbox_.erase(0, taken);
      heard = Clock::now();
    }
    if (!watching_ && inbox_.size() < kWatchedInput) on_input();
    if (inbound.blocked()) heard = Clock::now();
    if (!close) close = socket.send(out, limits_.write_batch_bytes);
    if (!close && Clock::now() - heard >= limits_.idle)
      close = {kClosePolicy, "nothing was heard for too long"};
    if (close) append_ws_close(out, close);
    if (out.empty() && Clock::now() >= next_ping) append_ws_frame(out, WsMessage::Kind::ping, {});
    if (out.empty()) {
      batches = 0;
      const bool alive = co_await wait_signal(next_ping);
      if (!alive) break;
      continue;
    }
    const bool sent = co_await write(out);
    if (x.record.first_byte_ns == 0) x.record.first_byte_ns = now_ns();
    if (!sent || gone_) break;
    x.record.sent_bytes += out.size();
    out.clear();
    next_ping = Clock::now() + limits_.ping;
    if (batches >= kBatchesInARow) {
      batches = 0;
      co_await asio::post(io_.context->get_executor(), kAwait);
    }
  }
  unwatch_input();
  input_wakes_ = false;
  finish(x, close && !gone_);
}

}  // namespace serval::host
