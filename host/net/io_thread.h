// One network thread: its event loop and the connections that live on it.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <thread>
#include <unordered_set>

#include "host/net/admission.h"
#include "host/net/server.h"

namespace serval::host {

namespace asio = boost::asio;

class Connection;

// What all connections of a server share. Lives until the last of them is gone.
struct NetShared {
  explicit NetShared(const ServerOptions& options)
      : limits(options.limits),
        authenticator(options.authenticator),
        on_request(options.on_request),
        on_warning(options.on_warning),
        admission(options.limits.connections, options.limits.connections_per_address) {}

  const NetLimits limits;
  const std::shared_ptr<const Authenticator> authenticator;
  const std::function<void(const RequestRecord&)> on_request;
  const std::function<void(std::string)> on_warning;
  Admission admission;
  std::atomic<uint64_t> accepted{0}, refused{0}, running{0};
  std::atomic<int> refusing{0};  // connections that are being told that there is no room
};

// Members other than `context` are touched on `thread` only, unless a comment says otherwise.
struct IoThread {
  explicit IoThread(std::shared_ptr<NetShared> shared_state)
      : context(std::make_shared<asio::io_context>(1)),
        work(asio::make_work_guard(*context)),
        shared(std::move(shared_state)) {}

  std::shared_ptr<asio::io_context> context;  // posting is thread-safe
  asio::executor_work_guard<asio::io_context::executor_type> work;
  std::shared_ptr<NetShared> shared;
  std::unordered_set<Connection*> connections;
  bool draining = false;
  std::thread thread;  // of the owner
};

}  // namespace serval::host
