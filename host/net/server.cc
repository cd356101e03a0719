#include "host/net/server.h"

#include <boost/asio/post.hpp>
#include <future>
#include <signal.h>

#include "host/net/connection.h"
#include "host/net/listener.h"

namespace serval::host {
namespace {

class Server : public HttpServer {
 public:
  explicit Server(const ServerOptions& options) : shared_(std::make_shared<NetShared>(options)) {}
  ~Server() override { Server::stop(); }

  Status listen(const ServerOptions& options);
  void run();

  std::vector<uint16_t> ports() const override { return ports_; }
  NetStats stats() const override;
  void drain() override;
  bool wait_drained(uint64_t deadline_ns) override;
  void stop() override;

 private:
  // Runs on the thread of each; `wait`: returns when all have run it.
  template <class Body>
  void on_each_thread(bool wait, Body body);
  void stop_listening();

  std::shared_ptr<NetShared> shared_;
  std::vector<std::unique_ptr<IoThread>> threads_;
  std::vector<std::shared_ptr<Listener>> listeners_;  // touched on the first thread
  std::vector<uint16_t> ports_;
  std::mutex stop_mutex_;
  bool stopped_ = false;
};

Status Server::listen(const ServerOptions& options) {
  for (int i = 0; i < std::max(1, options.threads); ++i)
    threads_.push_back(std::make_unique<IoThread>(shared_));
  std::vector<IoThread*> threads;
  for (const auto& thread : threads_) threads.push_back(thread.get());

  for (const ListenOptions& listener : options.listeners) {
    if (!listener.router) return invalid("a listener has no router");
    if (listener.host.empty() && listener.unix_path.empty())
      return invalid("a listener has neither a host nor a socket path");
    Result<ListenSocket> socket = open_listener(listener);
    if (!socket) return socket.error();
    ports_.push_back(socket->port);
    listeners_.push_back(std::make_shared<Listener>(listener, std::move(*socket), threads));
  }
  return {};
}

void Server::run() {
  for (const auto& listener : listeners_) listener->start();
  for (const auto& io : threads_) {
    io->thread = std::thread([context = io->context] { context->run(); });
  }
}

NetStats Server::stats() const {
  return {shared_->admission.open(), shared_->accepted, shared_->refused, shared_->running};
}

template <class Body>
void Server::on_each_thread(bool wait, Body body) {
  for (std::size_t i = 0; i < threads_.size(); ++i) {
    IoThread* io = threads_[i].get();
    if (!io->thread.joinable()) continue;
    auto done = std::make_shared<std::promise<void>>();
    asio::post(*io->context, [io, body, done, first = i == 0] {
      body(*io, first);
      done->set_value();
    });
    if (wait) done->get_future().wait();
  }
}

void Server::stop_listening() {
  for (const auto& listener : listeners_) listener->stop();
  listeners_.clear();
}

void Server::drain() {
  std::lock_guard lock(stop_mutex_);
  if (stopped_) return;
  on_each_thread(false, [this](IoThread& io, bool first) {
    io.draining = true;
    if (first) stop_listening();
    for (Connection* connection : io.connections) connection->drain();
  });
}

bool Server::wait_drained(uint64_t deadline_ns) {
  while (shared_->admission.open() > 0) {
    if (now_ns() >= deadline_ns) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

void Server::stop() {
  std::lock_guard lock(stop_mutex_);
  if (stopped_) return;
  stopped_ = true;
  // First no thread accepts, and only then connections are closed: a new one may be on its way from
  // the accepting thread to another until then.
  on_each_thread(true, [this](IoThread& io, bool first) {
    io.draining = true;
    if (first) stop_listening();
  });
  on_each_thread(false, [](IoThread& io, bool) {
    for (Connection* connection : io.connections) connection->abort();
    io.work.reset();
  });
  for (const auto& io : threads_)
    if (io->thread.joinable()) io->thread.join();
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::start(ServerOptions options) {
  // OpenSSL writes with write(2): without this a peer that has gone would end the process.
  signal(SIGPIPE, SIG_IGN);
  auto server = std::make_unique<Server>(options);
  const Status status = server->listen(options);
  if (!status) return status.error();
  server->run();
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace serval::host
