// For simple plugins: one object a request. The loop around it parks slow readers, drops cancelled
// requests and keeps an exception inside its own request.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "serval/sdk/engine_model.hpp"
#include "serval/sdk/input_stream.hpp"
#include "serval/sdk/output.hpp"

namespace serval::sdk {

// What a task says at the end of a step. wait: its input had nothing to read; step is called again
// when it has.
enum class Progress { more, wait, done };

// A task's view of its request: where output goes.
class TaskContext {
 public:
  TaskContext(Request& request, Output& output) : request_(request), output_(output) {}

  const Request& request() const { return request_; }
  // Never fails from the task's point of view: a slow reader's text is kept and the task sleeps.
  void text(uint32_t index, std::string_view text, std::string_view meta_json = {},
            bool last = false) {
    output_.text(request_, index, text, meta_json, last);
  }
  void emit(uint32_t kind, uint32_t index, uint32_t flags, std::string_view data,
            std::string_view meta_json = {}) {
    output_.emit(request_, kind, index, flags, data, meta_json);
  }
  bool cancelled() const { return request_.cancelled(); }
  Input read(const InputStream& stream, std::span<char> to, std::size_t& n) {
    return stream.read(request_, to, n);
  }
  Input arrived(const InputStream& stream, std::size_t wanted, std::string_view& bytes) {
    return stream.arrived(request_, wanted, bytes);
  }

 private:
  Request& request_;
  Output& output_;
};

class Task {
 public:
  virtual ~Task() = default;
  // One small piece of work (well under 50 ms) with a few events at most. An Error, or an
  // exception, ends the request with it.
  virtual Result<Progress> step(TaskContext& context) = 0;
  // Asked after done: a JSON object with counts, or "".
  virtual std::string usage_json() const { return {}; }
};

// Makes the task of a request, or refuses it. The request's views live as long as the task.
using TaskFactory = std::function<Result<std::unique_ptr<Task>>(const Request&)>;

// Steps each running task in turn.
class TaskEngine final : public Engine {
 public:
  TaskEngine(TaskFactory make, uint32_t most) : make_(std::move(make)), most_(most) {}

  uint32_t room() override { return most_ - uint32_t(running_.size()); }
  uint64_t running() override { return running_.size(); }

  void admit(Request request) override {
    Running r{std::move(request), {}, nullptr, false, false};
    const Status ok = detail::caught([&]() -> Status {
      Result<std::unique_ptr<Task>> task = make_(r.request);
      if (!task) return task.error();
      r.task = *std::move(task);
      running_.push_back(std::move(r));
      return {};
    });
    if (!ok.ok()) r.request.finish_error(ok.error());
  }

  bool step() override {
    bool runnable = false;
    for (Running& r : running_) {
      advance(r);
      runnable |= !r.request.finished() && !r.output.blocked() && !r.waits;
    }
    std::erase_if(running_, [](const Running& r) { return r.request.finished(); });
    return runnable;
  }

  // step() asks each request anyway.
  void cancelled(uint64_t) override {}

  void writable(uint64_t id) override {
    for (Running& r : running_)
      if (r.request.id() == id) r.output.flush(r.request);
  }

  void readable(uint64_t id) override {
    for (Running& r : running_)
      if (r.request.id() == id) r.waits = false;
  }

  void abort(const Error& error) override {
    for (Running& r : running_)
      if (!r.request.finished()) r.request.finish_error(error);
    running_.clear();
  }

 private:
  struct Running {
    Request request;
    Output output;
    std::unique_ptr<Task> task;
    bool done = false;
    bool waits = false;  // for its input
  };

  // So that the loop's own cost is shared by some steps.
  static constexpr int kStepsAtOnce = 16;

  static void advance(Running& r) {
    const Status ok = detail::caught([&]() -> Status {
      for (int i = 0; i < kStepsAtOnce && !r.done && !r.waits && !r.output.blocked() && !over(r);
           ++i) {
        TaskContext context(r.request, r.output);
        const Result<Progress> progress = r.task->step(context);
        if (!progress) return progress.error();
        r.done = *progress == Progress::done;
        r.waits = *progress == Progress::wait;
      }
      if (r.output.broke_a_rule())
        return Error{SERVAL_INTERNAL, "the plugin emitted an invalid event", {}};
      if (over(r)) return r.request.finish_cancelled(), Status();
      if (r.done && !r.output.blocked()) r.request.finish_ok(r.task->usage_json());
      return {};
    });
    if (!ok.ok()) r.request.finish_error(ok.error());
  }

  // Nobody waits for more of it.
  static bool over(const Running& r) {
    return r.request.cancelled() || r.output.cancelled() || r.output.broke_a_rule();
  }

  TaskFactory make_;
  uint32_t most_;
  std::vector<Running> running_;
};

// A Model made of tasks. at_once: how many requests run together; more wait in the host's queue.
class TaskModel : public EngineModel {
 public:
  TaskModel(Host host, ModelRef ref, TaskFactory make, uint32_t at_once = 1024)
      : EngineModel(host, ref, std::make_unique<TaskEngine>(std::move(make), at_once)) {}
};

}  // namespace serval::sdk
