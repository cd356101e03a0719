// One HTTP/1.1 connection: reads requests, asks the router, writes replies in order.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "host/net/http_head.h"
#include "host/net/io_thread.h"
#include "host/net/stream_socket.h"
#include "host/request/request.h"

namespace serval::host {

// A request under way and what is known of it for the log.
struct Exchange {
  HttpHead head;
  Router::Match match;
  Principal principal;
  RequestRecord record;
  bool keep_alive = false;
  bool body_left = false;  // the request's body has not been read to its end
};

// Lives on its IoThread: everything runs there. Owned by its coroutine and by pending handlers.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  struct Setup {
    std::shared_ptr<const Router> router;
    std::shared_ptr<SSL_CTX> tls;             // null: plain
    std::string peer;                         // address, or "unix"
    std::optional<Admission::Ticket> ticket;  // none: there is no room, say so and close
  };
  Connection(IoThread& io, StreamSocket::Socket socket, Setup setup);
  ~Connection();

  void start();
  void drain();  // closes it if it is idle
  void abort();  // closes it now

 private:
  using Executor = asio::io_context::executor_type;
  template <class T>
  using Task = asio::awaitable<T, Executor>;
  using Clock = std::chrono::steady_clock;
  using Timer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>;
  struct WakeTarget;
  static constexpr std::size_t kWatchedInput = 64u << 10;  // most bytes read ahead of their use
  static constexpr int kBatchesInARow = 4;  // then the thread's other connections have their turn

  // connection.cc: life of a connection
  Task<void> run();
  Task<bool> handshake();
  Task<bool> serve_one();  // false: close
  Task<void> linger();
  Task<bool> wait(Io what);  // false: timed out, aborted, or the peer has gone
  Io fill(std::size_t most);
  void set_deadline(Clock::time_point at);
  void arm_timer(Clock::time_point at);
  void on_timer();
  void interrupt();

  // connection_request.cc: from bytes to a handler
  Task<bool> read_head(HttpHead& head, HttpFault& fault);  // false: nothing to answer
  // Hands the body on as it arrives; sink: false when it wants no more.
  using BodySink = std::function<bool(std::string_view)>;
  Task<HttpFault> read_body(const HttpHead& head, std::size_t limit, const BodySink& sink);
  // False: nothing is left to be done, since the peer has gone or the fault was answered.
  Task<bool> take_body(Exchange& exchange, const BodySink& sink);
  std::optional<HttpResponse> gate(Exchange& exchange);
  Task<bool> refuse(Exchange& exchange, HttpResponse response);
  Task<bool> refuse_malformed(Exchange& exchange, const HttpFault& fault);
  Task<bool> serve_whole(Exchange& exchange);
  Task<bool> serve_arriving(Exchange& exchange);
  Task<bool> answer(Exchange& exchange, Handled handled);
  HttpRequest take_request(Exchange& exchange) const;  // moves it out of there
  // What handle() gives, or the reply to its failure.
  template <class Handle>
  std::optional<Handled> guarded(const Exchange& exchange, Handle&& handle);
  std::size_t body_limit(const Route& route) const;

  // connection_reply.cc: from a handler's result to bytes
  Task<bool> send_response(Exchange& exchange, const HttpResponse& response);
  Task<bool> send_reply(Exchange& exchange, std::unique_ptr<Reply> reply);
  Task<bool> send_stream(Exchange& exchange, Reply& reply, const HttpResponse& head);
  Task<bool> write(std::string_view data);
  Task<bool> wait_signal(Clock::time_point until);  // false: the peer has gone
  void signal();
  void watch_input();
  void on_input();
  void unwatch_input();
  std::function<void()> waker();  // what a reply's or a WebSocket's `ready` is
  void finish(Exchange& exchange, bool complete);

  // connection_websocket.cc
  Task<void> serve_websocket(Exchange& exchange, Upgrade upgrade);

  IoThread& io_;
  const NetLimits& limits_;
  Setup setup_;
  StreamSocket socket_;

  std::string inbox_;  // received and not yet used; no memory while idle
  bool idle_ = false;
  bool gone_ = false;  // the peer has closed or broken the connection
  bool aborted_ = false;
  bool timed_out_ = false;

  // One timer for all deadlines. It is moved only when a deadline comes nearer: a later one is
  // looked at when the timer fires, so that setting deadlines is nearly free.
  Timer timer_;
  Clock::time_point deadline_ = Clock::time_point::max();
  Clock::time_point timer_at_ = Clock::time_point::max();

  Timer wake_;  // cancelled to wake the coroutine that waits for a reply
  bool signalled_ = false;
  uint64_t watch_ = 0;  // number of the input watch under way; an older one is void
  bool watching_ = false;
  bool input_wakes_ = false;  // a WebSocket is under way: input wakes its coroutine
};

}  // namespace serval::host
