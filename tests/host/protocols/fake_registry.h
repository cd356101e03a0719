// A registry whose model answers as a test tells it, and helpers to run handlers without sockets.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "host/models/registry.h"
#include "host/net/router.h"

namespace serval::host {

// Events and finish are put in by the test, or by a thread of it.
class FakeCall : public Call {
 public:
  std::optional<Event> pop() override;
  std::optional<Finish> finish() const override;
  void cancel(CancelReason reason) override;
  void on_ready(std::function<void()> ready) override;

  void emit(Event event);
  void emit(uint32_t index, std::string text, std::string meta = {}, bool last = false);
  // The last event of a choice.
  void close(uint32_t index, std::string reason = "stop");
  void end(int64_t prompt_tokens = 0, int64_t completion_tokens = 0, int64_t cached = 0);
  void fail(Error error, int64_t prompt_tokens = 0, int64_t completion_tokens = 0);

  CancelReason cancelled() const;

  // Runs once, while a pop() finds nothing: what a plugin does between a reader's two looks.
  std::function<void()> at_empty_pop;

 private:
  void wake();

  mutable std::mutex mutex_;
  std::deque<Event> events_;
  std::optional<Finish> finish_;
  std::function<void()> ready_;
  CancelReason cancelled_ = CancelReason::none;
};

class FakeRegistry : public ModelRegistry {
 public:
  // What happens to a request; runs inside submit().
  using Script = std::function<void(const Request&, const std::shared_ptr<FakeCall>&)>;

  explicit FakeRegistry(std::string model, Script script = {});

  Result<std::shared_ptr<Call>> submit(Request request) override;
  std::vector<ModelInfo> list() const override;
  Result<ModelInfo> find(std::string_view name) const override;
  Status load(std::string_view name) override;
  Status unload(std::string_view name) override;
  bool ready(std::vector<std::string>* why_not) const override;
  void begin_drain() override { draining = true; }
  void shutdown(uint64_t) override {}
  void shutdown_now() override {}

  ModelInfo info;
  std::vector<ModelInfo> others;  // more models, answered by the same script
  Script script;
  Error refuse{Code::ok, {}, {}, 0};  // submit() fails with it
  std::vector<Request> requests;
  std::vector<std::shared_ptr<FakeCall>> calls;
  std::vector<std::string> loads;
  bool draining = false;
};

// What a client of a handler gets: the response, with a stream's bytes as its body.
struct Got {
  HttpResponse response;
  Reply::State state = Reply::State::done;  // failed: the stream was broken off
  std::unique_ptr<Reply> reply;             // while it is not complete
};

// Calls the route's handler and reads what is there.
Got ask(const Router& router, HttpRequest request);
Got post_json(const Router& router, const std::string& path, const std::string& body);
// Reads on; true when the reply is complete.
bool read_on(Got& got);

// The data of each SSE event, comments left out.
std::vector<std::string> sse_data(const std::string& body);

}  // namespace serval::host
