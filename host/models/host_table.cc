#include "host/models/host_table.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "common/utf8.h"
#include "host/models/host_extensions.h"
#include "host/models/model_ref.h"
#include "host/queue/abi_error.h"
#include "host/queue/request_table.h"

namespace serval::host {
namespace {

constexpr std::size_t kMaxMessage = 8192;
constexpr std::size_t kMaxField = 1024;
constexpr uint32_t kMaxFields = 32;
constexpr double kLinesPerSecond = 100;
constexpr double kLinesAtOnce = 200;

// A handle that leads nowhere: the request has been finished, or never was.
void bad_handle(const serval_request* handle, std::string_view rule) {
  if (const auto queue = RequestTable::instance().queue_of(RequestTable::id(handle)))
    queue->violation(rule);
}

int32_t pull(serval_model_ref* model, const serval_budget* budget, serval_request** out,
             uint32_t capacity) {
  const auto queue = model != nullptr ? model->queue() : nullptr;
  if (!queue || budget == nullptr) return -SERVAL_FAILED_PRECONDITION;
  return queue->pull(*budget, out, capacity);
}

void wake(serval_model_ref* model) {
  if (model == nullptr) return;
  if (const auto queue = model->queue()) queue->wake();
}

void beat(serval_model_ref* model, uint64_t, uint64_t) {
  if (model == nullptr) return;
  if (const auto queue = model->queue()) queue->beat();
}

const serval_request_view* view(const serval_request* handle) {
  const auto request = RequestTable::instance().find(RequestTable::id(handle));
  if (request) return &request->view;
  bad_handle(handle, "view_after_finish");
  return nullptr;
}

serval_status emit(serval_request* handle, const serval_event* event) {
  const auto request = RequestTable::instance().find(RequestTable::id(handle));
  if (!request) {
    bad_handle(handle, "emit_after_finish");
    return SERVAL_INVALID_ARGUMENT;
  }
  if (event == nullptr) {
    request->queue->violation("event_size");
    return SERVAL_INVALID_ARGUMENT;
  }
  return request->queue->emit(*request, *event);
}

void finish(serval_request* handle, const serval_finish* given) {
  const auto request = RequestTable::instance().take(RequestTable::id(handle));
  if (!request) return bad_handle(handle, "finish_twice");
  static constexpr serval_finish kNone{};
  request->queue->finish(*request, given != nullptr ? *given : kNone);
}

const void* get_ext(const serval_host*, const char* id) { return host_extension(id); }

void log(const serval_host* host, uint32_t level, serval_str message, const serval_kv* fields,
         uint32_t n_fields, const serval_request* request) {
  if (host == nullptr || host->ctx == nullptr) return;
  static_cast<HostTable*>(host->ctx)->log(level, message, fields, n_fields, request);
}

uint64_t clock_now(const serval_host*) { return now_ns(); }

std::string clean(serval_str text, std::size_t most) {
  return replace_invalid_utf8(view_of(text).substr(0, most));
}

}  // namespace

bool LogBudget::take(uint64_t now, uint64_t& dropped) {
  std::lock_guard lock(mutex_);
  if (last_ns_ != 0) left_ += kLinesPerSecond * double(now - std::min(last_ns_, now)) / 1e9;
  left_ = std::min(left_, kLinesAtOnce);
  last_ns_ = now;
  if (left_ < 1) {
    ++dropped_;
    return false;
  }
  left_ -= 1;
  dropped = std::exchange(dropped_, 0);
  return true;
}

HostTable::HostTable(std::string plugin_id, LogSink log_sink)
    : plugin_id_(std::move(plugin_id)), log_(std::move(log_sink)) {
  table_.size = sizeof table_;
  table_.abi_major = SERVAL_ABI_MAJOR;
  table_.abi_minor = SERVAL_ABI_MINOR;
  table_.ctx = this;
  table_.name = "serval";
  table_.version = SERVAL_VERSION;
  table_.get_ext = get_ext;
  table_.log = host::log;
  table_.now_ns = clock_now;
  table_.pull = pull;
  table_.wake = wake;
  table_.view = view;
  table_.emit = emit;
  table_.finish = finish;
  table_.beat = beat;
}

void HostTable::log(uint32_t level, serval_str message, const serval_kv* fields, uint32_t n_fields,
                    const serval_request* request) {
  if (!log_) return;
  uint64_t dropped = 0;
  if (!budget_.take(now_ns(), dropped)) return;
  std::vector<std::string> keys;
  std::vector<LogField> out{{"plugin", plugin_id_}};
  if (dropped != 0) out.push_back({"dropped_lines", std::to_string(dropped)});
  if (request != nullptr) {
    if (const auto state = RequestTable::instance().find(RequestTable::id(request)))
      out.push_back({"request_id", state->request.request_id});
  }
  const uint32_t n = fields != nullptr ? std::min(n_fields, kMaxFields) : 0;
  keys.reserve(n);  // the fields point into it
  for (uint32_t i = 0; i < n; ++i) {
    keys.push_back(clean(fields[i].key, kMaxField));
    out.push_back({keys.back(), clean(fields[i].value, kMaxField)});
  }
  log_(std::min(level, SERVAL_LOG_ERROR), clean(message, kMaxMessage), out);
}

}  // namespace serval::host
