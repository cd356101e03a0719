#include "host/net/connection.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "host/net/http_write.h"

namespace serval::host {
namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable_t<asio::io_context::executor_type>{});
constexpr std::chrono::seconds kLingerTime{2};

}  // namespace

Connection::Connection(IoThread& io, StreamSocket::Socket socket, Setup setup)
    : io_(io),
      limits_(io.shared->limits),
      setup_(std::move(setup)),
      socket_(std::move(socket), setup_.tls.get()),
      timer_(io.context->get_executor()),
      wake_(io.context->get_executor()) {
  setup_.tls.reset();  // the SSL object holds it
  io_.connections.insert(this);
}

Connection::~Connection() {
  io_.connections.erase(this);
  if (!setup_.ticket) io_.shared->refusing.fetch_sub(1, std::memory_order_relaxed);
}

void Connection::start() {
  asio::co_spawn(
      io_.context->get_executor(), [self = shared_from_this()] { return self->run(); },
      asio::detached);
}

void Connection::interrupt() {
  boost::system::error_code ignored;
  socket_.raw().cancel(ignored);
  wake_.cancel();
}

void Connection::drain() {
  if (idle_) abort();
}

void Connection::abort() {
  aborted_ = true;
  interrupt();
}

// The timer's handler keeps no connection alive: it is only told when time is up.
void Connection::arm_timer(Clock::time_point at) {
  timer_at_ = at;
  timer_.expires_at(at);
  timer_.async_wait([weak = weak_from_this()](boost::system::error_code ec) {
    if (ec) return;
    if (const auto self = weak.lock()) self->on_timer();
  });
}

void Connection::set_deadline(Clock::time_point at) {
  timed_out_ = false;
  deadline_ = at;
  if (at < timer_at_) arm_timer(at);
}

void Connection::on_timer() {
  timer_at_ = Clock::time_point::max();
  if (deadline_ == Clock::time_point::max()) return;
  if (Clock::now() < deadline_) return arm_timer(deadline_);
  deadline_ = Clock::time_point::max();
  timed_out_ = true;
  interrupt();
}

Connection::Task<bool> Connection::wait(Io what) {
  if (aborted_ || gone_ || timed_out_) co_return false;
  using Wait = asio::socket_base::wait_type;
  const Wait direction = what == Io::wait_read ? Wait::wait_read : Wait::wait_write;
  auto [ec] = co_await socket_.raw().async_wait(direction, kTuple);
  co_return !ec && !aborted_ && !gone_ && !timed_out_;
}

Io Connection::fill(std::size_t most) {
  thread_local char scratch[64u << 10];
  std::size_t moved = 0;
  const Io result = socket_.read_some(scratch, std::min(most, sizeof scratch), moved);
  if (result == Io::ok) inbox_.append(scratch, moved);
  return result;
}

Connection::Task<bool> Connection::handshake() {
  set_deadline(Clock::now() + limits_.handshake);
  for (;;) {
    const Io result = socket_.handshake();
    if (result == Io::ok) co_return true;
    if (result == Io::end || result == Io::failed) co_return false;
    const bool ready = co_await wait(result);
    if (!ready) co_return false;
  }
}

// Reads what the peer still sends for a moment before closing: closing with unread bytes would
// make the system throw away the reply that is on its way.
Connection::Task<void> Connection::linger() {
  if (aborted_ || gone_) co_return;
  socket_.shutdown_write();
  set_deadline(Clock::now() + kLingerTime);
  for (;;) {
    inbox_.clear();
    const Io result = fill(64u << 10);
    if (result == Io::end || result == Io::failed) co_return;
    if (result == Io::ok && !timed_out_ && Clock::now() < deadline_) continue;
    const bool ready = co_await wait(Io::wait_read);
    if (!ready) co_return;
  }
}

Connection::Task<void> Connection::run() {
  bool open = true;
  if (socket_.tls()) open = co_await handshake();
  if (!open) co_return;
  if (!setup_.ticket) {
    Exchange exchange;
    HttpResponse response = setup_.router->error(
        "", 503, error(Code::unavailable, "too many connections; try again later"));
    response.headers.add("retry-after", "1");
    co_await send_response(exchange, response);
    co_await linger();
    co_return;
  }
  while (open && !aborted_ && !gone_) {
    if (inbox_.empty()) {
      if (io_.draining) break;
      inbox_ = std::string();
      idle_ = true;
      set_deadline(Clock::now() + limits_.idle);
      open = co_await wait(Io::wait_read);
      idle_ = false;
      if (!open) break;
    }
    open = co_await serve_one();
  }
  co_await linger();
  socket_.close();
}

}  // namespace serval::host
