#include "host/observability/request_log.h"

#include <atomic>
#include <cstdio>

#include "common/json.h"
#include "host/observability/code_name.h"
#include "host/observability/forwarding_registry.h"
#include "serval/host.h"

namespace serval::host {
namespace {

using Fields = std::vector<LogField>;

std::string milliseconds(uint64_t from_ns, uint64_t to_ns) {
  if (from_ns == 0 || to_ns < from_ns) return "";
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", double(to_ns - from_ns) * 1e-6);
  return text;
}

void add(Fields& fields, std::string_view key, std::string value) {
  if (!value.empty()) fields.push_back({key, std::move(value)});
}

// The counts of usage_json; anything else a plugin may have put there stays out of the log.
void add_counts(Fields& fields, const std::string& usage_json) {
  const Result<json::value> usage = parse_json(usage_json.empty() ? "{}" : usage_json);
  if (!usage || !usage->is_object()) return;
  for (const std::string_view key : {"prompt_tokens", "completion_tokens", "cached_tokens"})
    if (const json::value* count = usage->get_object().if_contains(key))
      if (count->is_int64() || count->is_uint64()) fields.push_back({key, json::serialize(*count)});
}

struct Subject {
  std::string request_id, tenant, op, model;
};

Fields begin(const Subject& s) {
  Fields fields;
  add(fields, "request_id", s.request_id);
  add(fields, "tenant", s.tenant);
  add(fields, "op", s.op);
  add(fields, "model", s.model);
  return fields;
}

class LoggedCall final : public Call {
 public:
  LoggedCall(std::shared_ptr<Call> inner, Subject subject, std::shared_ptr<Logger> logger)
      : inner_(std::move(inner)), subject_(std::move(subject)), logger_(std::move(logger)) {}

  ~LoggedCall() override {
    if (logged_) return;
    Finish gone;  // dropped before its end: the client went away
    gone.error.code = Code::cancelled;
    const std::optional<Finish> finish = inner_->finish();
    log(finish ? *finish : gone);
  }

  std::optional<Event> pop() override { return inner_->pop(); }
  std::optional<Finish> finish() const override {
    std::optional<Finish> finish = inner_->finish();
    if (finish && !logged_.exchange(true)) log(*finish);
    return finish;
  }
  void cancel(CancelReason reason) override { inner_->cancel(reason); }
  void on_ready(std::function<void()> ready) override { inner_->on_ready(std::move(ready)); }

 private:
  void log(const Finish& finish) const {
    Fields fields = begin(subject_);
    add(fields, "status", std::string(code_name(finish.error.code)));
    add_counts(fields, finish.usage_json);
    add(fields, "queue_ms", milliseconds(finish.accepted_ns, finish.pulled_ns));
    add(fields, "first_ms", milliseconds(finish.accepted_ns, finish.first_event_ns));
    add(fields, "total_ms", milliseconds(finish.accepted_ns, finish.finished_ns));
    logger_->write(SERVAL_LOG_INFO, "request", fields);
  }

  const std::shared_ptr<Call> inner_;
  const Subject subject_;
  const std::shared_ptr<Logger> logger_;
  mutable std::atomic<bool> logged_{false};
};

class LoggedRegistry final : public ForwardingRegistry {
 public:
  LoggedRegistry(ModelRegistry& inner, std::shared_ptr<Logger> logger)
      : ForwardingRegistry(inner), logger_(std::move(logger)) {}

  Result<std::shared_ptr<Call>> submit(Request request) override {
    Subject subject{request.request_id, request.tenant, request.op, request.model};
    Result<std::shared_ptr<Call>> call = inner_.submit(std::move(request));
    if (call)
      return std::shared_ptr<Call>(
          std::make_shared<LoggedCall>(std::move(*call), std::move(subject), logger_));
    Fields fields = begin(subject);
    add(fields, "status", std::string(code_name(call.error().code)));
    logger_->write(SERVAL_LOG_INFO, "request refused", fields);
    return call;
  }

 private:
  const std::shared_ptr<Logger> logger_;
};

}  // namespace

void log_exchange(Logger& logger, const RequestRecord& record) {
  if (!logger.enabled(SERVAL_LOG_INFO)) return;
  Fields fields;
  add(fields, "request_id", record.request_id);
  add(fields, "method", record.method);
  add(fields, "path", record.path);
  add(fields, "status", std::to_string(record.status));
  if (record.broken) add(fields, "broken", "yes");
  add(fields, "peer", record.peer);
  add(fields, "tenant", record.tenant);
  add(fields, "key", record.key_id);
  add(fields, "body_bytes", std::to_string(record.body_bytes));
  add(fields, "sent_bytes", std::to_string(record.sent_bytes));
  add(fields, "first_ms", milliseconds(record.received_ns, record.first_byte_ns));
  add(fields, "total_ms", milliseconds(record.received_ns, record.finished_ns));
  logger.write(SERVAL_LOG_INFO, "http", fields);
}

std::unique_ptr<ModelRegistry> log_requests(ModelRegistry& inner, std::shared_ptr<Logger> logger) {
  return std::make_unique<LoggedRegistry>(inner, std::move(logger));
}

}  // namespace serval::host
