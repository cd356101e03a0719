#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "host/net/chunked.h"
#include "host/net/connection.h"
#include "host/net/http_write.h"

namespace serval::host {
namespace {

constexpr auto kAwait = asio::use_awaitable_t<asio::io_context::executor_type>{};
constexpr auto kTuple = asio::as_tuple(kAwait);

}  // namespace

// Where a reply's `ready` leads. It may be called on any thread, even while the connection ends.
struct Connection::WakeTarget {
  std::shared_ptr<asio::io_context> context;
  std::weak_ptr<Connection> connection;
  std::atomic<bool> posted{false};  // one wake-up on its way is enough
};

Connection::Task<bool> Connection::write(std::string_view data) {
  bool waiting = false;
  while (!data.empty()) {
    std::size_t moved = 0;
    const Io result = socket_.write_some(data, moved);
    if (result == Io::ok) {
      data.remove_prefix(moved);
      waiting = false;
      continue;
    }
    if (result == Io::end || result == Io::failed) {
      gone_ = true;
      co_return false;
    }
    if (!waiting) set_deadline(Clock::now() + limits_.write);
    waiting = true;
    const bool ready = co_await wait(result);
    if (!ready) {
      gone_ = true;  // it has not taken a byte for so long: as good as gone
      co_return false;
    }
  }
  set_deadline(Clock::time_point::max());
  co_return true;
}

void Connection::finish(Exchange& x, bool complete) {
  x.record.broken = !complete;
  x.record.finished_ns = now_ns();
  if (io_.shared->on_request && x.record.received_ns != 0) io_.shared->on_request(x.record);
}

Connection::Task<bool> Connection::send_response(Exchange& x, const HttpResponse& response) {
  if (io_.draining) x.keep_alive = false;
  const bool http10 = x.head.minor == 0;
  std::string out;
  out.reserve(512 + response.body.size());
  write_head(out, response, {x.keep_alive, http10, x.record.request_id});
  const bool has_body = x.record.method != "HEAD" && response.status != 204;
  if (has_body) out += response.body;
  x.record.status = response.status;
  x.record.first_byte_ns = now_ns();
  const bool sent = co_await write(out);
  if (sent && has_body) x.record.sent_bytes = response.body.size();
  finish(x, sent);
  co_return sent&& x.keep_alive;
}

std::function<void()> Connection::waker() {
  auto target = std::make_shared<WakeTarget>();
  target->context = io_.context;
  target->connection = weak_from_this();
  return [target] {
    if (target->posted.exchange(true)) return;
    asio::post(*target->context, [target] {
      target->posted = false;
      if (const auto self = target->connection.lock()) self->signal();
    });
  };
}

Connection::Task<bool> Connection::send_reply(Exchange& x, std::unique_ptr<Reply> reply) {
  reply->on_ready(waker());
  watch_input();

  std::optional<HttpResponse> head;
  for (;;) {
    head = reply->head();
    if (head) break;
    const bool alive = co_await wait_signal(Clock::time_point::max());
    if (alive) continue;
    x.record.status = 499;
    finish(x, false);
    co_return false;
  }
  bool open = false;
  if (head->streamed) {
    open = co_await send_stream(x, *reply, *head);
  } else {
    open = co_await send_response(x, *head);
  }
  unwatch_input();
  co_return open;
}

Connection::Task<bool> Connection::send_stream(Exchange& x, Reply& reply,
                                               const HttpResponse& head) {
  const bool chunked = x.head.minor >= 1;
  if (!chunked || io_.draining) x.keep_alive = false;
  x.record.status = head.status;
  std::string out;
  write_head(out, head, {x.keep_alive, !chunked, x.record.request_id});
  const std::size_t head_bytes = out.size();

  Clock::time_point next_ping = Clock::now() + limits_.ping;
  for (int batches = 1;; ++batches) {
    const std::size_t begin = chunked ? begin_chunk(out) : out.size();
    const std::size_t data = out.size();
    const Reply::State state = reply.read(out, limits_.write_batch_bytes);
    const bool over = state == Reply::State::done || state == Reply::State::failed;
    if (out.size() == data && !over && Clock::now() >= next_ping) out += reply.ping();
    if (chunked) end_chunk(out, begin);
    if (state == Reply::State::done && chunked) out += kLastChunk;
    if (!out.empty()) {
      const bool sent = co_await write(out);
      if (sent) x.record.sent_bytes += out.size();
      if (x.record.first_byte_ns == 0) {
        x.record.first_byte_ns = now_ns();
        if (sent) x.record.sent_bytes -= head_bytes;
      }
      out.clear();
      if (!sent || gone_) {
        finish(x, false);
        co_return false;
      }
      next_ping = Clock::now() + limits_.ping;
    }
    if (over) {
      finish(x, state == Reply::State::done);
      co_return state == Reply::State::done&& x.keep_alive;
    }
    if (state == Reply::State::wait) {
      batches = 0;
      const bool alive = co_await wait_signal(next_ping);
      if (!alive) {
        finish(x, false);
        co_return false;
      }
    } else if (batches >= kBatchesInARow) {
      batches = 0;
      co_await asio::post(io_.context->get_executor(), kAwait);
    }
  }
}

void Connection::signal() {
  signalled_ = true;
  wake_.cancel();
}

Connection::Task<bool> Connection::wait_signal(Clock::time_point until) {
  if (!signalled_ && !gone_ && !aborted_) {
    wake_.expires_at(until);
    co_await wake_.async_wait(kTuple);
  }
  signalled_ = false;
  co_return !gone_ && !aborted_;
}

// While a reply is under way the peer may leave, or send its next request.
void Connection::watch_input() {
  watching_ = true;
  socket_.raw().async_wait(
      asio::socket_base::wait_read,
      [self = shared_from_this(), watch = ++watch_](boost::system::error_code ec) {
        if (!ec && watch == self->watch_) self->on_input();
      });
}

void Connection::on_input() {
  watching_ = false;
  while (inbox_.size() < kWatchedInput) {
    const Io result = fill(kWatchedInput - inbox_.size());
    if (result == Io::ok) {
      if (input_wakes_) signal();
      continue;
    }
    if (result == Io::wait_read) return watch_input();
    if (result == Io::wait_write) return;  // TLS has something to say first: write() will
    gone_ = true;
    return interrupt();
  }
}

void Connection::unwatch_input() {
  ++watch_;
  watching_ = false;
  boost::system::error_code ignored;
  socket_.raw().cancel(ignored);
}

}  // namespace serval::host
