#include "host_table.h"

#include <cmath>
#include <cstring>
#include <utility>

namespace serval::check {

serval_host HostTable::host(MiniHost* self, uint16_t abi_minor, uint32_t size) {
  serval_host t{};
  t.size = size;
  t.abi_major = SERVAL_ABI_MAJOR;
  t.abi_minor = abi_minor;
  t.ctx = self;
  t.name = "serval-check";
  t.version = "1";
  t.get_ext = get_ext;
  t.log = log;
  t.now_ns = now;
  t.pull = pull;
  t.wake = wake;
  t.view = view;
  t.emit = emit;
  t.finish = finish;
  t.beat = beat;
  return t;
}

serval_ext_metrics HostTable::metrics() {
  return {sizeof(serval_ext_metrics), 0, define, add, set, observe};
}

serval_ext_progress HostTable::progress() { return {sizeof(serval_ext_progress), 0, report}; }

serval_ext_input_stream HostTable::input_stream() {
  return {sizeof(serval_ext_input_stream), 0, read, arrived};
}

// False, and a violation, once the model is closed.
bool HostTable::alive(HostModel& model, const char* function) {
  if (!model.host->locked([&] { return model.closed; })) return true;
  model.host->violate("no_call_after_close", std::string(function) + " called after model_close");
  return false;
}

const void* HostTable::get_ext(const serval_host* host, const char* id) {
  MiniHost& self = of(host);
  if (self.locked([&] { return self.destroyed_; }))
    self.violate("no_call_after_close", "get_ext called after destroy");
  if (std::strcmp(id, SERVAL_EXT_METRICS) == 0) return &self.metrics_;
  if (std::strcmp(id, SERVAL_EXT_PROGRESS) == 0) return &self.progress_;
  if (std::strcmp(id, SERVAL_EXT_INPUT_STREAM) == 0) return &self.input_stream_;
  return nullptr;
}

void HostTable::log(const serval_host* host, uint32_t level, serval_str message,
                    const serval_kv* fields, uint32_t n, const serval_request*) {
  MiniHost& self = of(host);
  if (self.locked([&] { return self.destroyed_; }))
    self.violate("no_call_after_close", "log called after destroy");
  if (level > SERVAL_LOG_ERROR) self.violate("log_level", "log called with an unknown level");
  std::string line = message.n == 0 ? "" : std::string(message.p, message.n);
  for (uint32_t i = 0; i < n; ++i)
    line += " " + std::string(fields[i].key.p, fields[i].key.n) + "=" +
            std::string(fields[i].value.p, fields[i].value.n);
  if (level == SERVAL_LOG_ERROR)
    self.locked([&] {
      if (self.errors_.size() < 5) self.errors_.push_back(line);
    });
}

uint64_t HostTable::now(const serval_host*) { return now_ns(); }

int32_t HostTable::pull(serval_model_ref* ref, const serval_budget* budget, serval_request** out,
                        uint32_t capacity) {
  HostModel& model = of(ref);
  MiniHost& self = *model.host;
  if (!alive(model, "pull")) return -SERVAL_FAILED_PRECONDITION;
  std::unique_lock lock(self.mutex_);
  const auto broken = [&](const char* rule, const char* what) {
    lock.unlock();
    self.violate(rule, what);
    lock.lock();
  };
  ++model.pulls;
  self.changed_.notify_all();
  if (model.pulling) broken("pull_one_thread", "two threads pull for one model at the same time");
  if (model.told || model.quiesced)
    broken("no_pull_after_quiesce", "pull called after it had said that no request will come");
  model.pulling = true;
  const auto wait = std::chrono::nanoseconds(std::min<uint64_t>(budget->wait_ns, 3600'000'000'000));
  const auto ready = [&] {
    return model.woken || model.quiescing || (budget->max_requests > 0 && !model.waiting.empty());
  };
  if (wait.count() > 0) self.changed_.wait_for(lock, wait, ready);
  model.pulling = false;
  model.woken = false;
  if (model.quiescing) {
    model.told = true;
    return -SERVAL_FAILED_PRECONDITION;
  }
  int32_t n = 0;
  uint64_t cost = 0;
  while (!model.waiting.empty() && uint32_t(n) < std::min(capacity, budget->max_requests)) {
    Stream& s = *model.waiting.front();
    cost += s.spec.params.size();
    for (const std::string& input : s.spec.inputs) cost += input.size();
    if (budget->max_cost > 0 && cost > budget->max_cost) break;
    s.pulled = true;
    if (s.cancel_on_pull != 0) s.cancel_word.store(s.cancel_on_pull, std::memory_order_release);
    out[n++] = s.handle();
    model.waiting.pop_front();
  }
  if (n > 0) self.changed_.notify_all();
  return n;
}

void HostTable::wake(serval_model_ref* ref) {
  HostModel& model = of(ref);
  if (!alive(model, "wake")) return;
  model.host->locked([&] { model.woken = true; });
  model.host->notify();
}

void HostTable::beat(serval_model_ref* ref, uint64_t step, uint64_t running) {
  HostModel& model = of(ref);
  if (!alive(model, "beat")) return;
  const uint64_t last = model.host->locked([&] {
    ++model.beats;
    model.beats_running += running > 0;
    return std::exchange(model.last_step, step);
  });
  if (step < last)
    model.host->violate(
        "beat", "step went back from " + std::to_string(last) + " to " + std::to_string(step));
}

int32_t HostTable::define(serval_model_ref* ref, uint32_t kind, serval_str name, serval_str,
                          const double* bounds, uint32_t n_bounds) {
  HostModel& model = of(ref);
  MiniHost& self = *model.host;
  if (!self.locked([&] { return model.opening; }))
    self.violate("metrics", "a metric is defined outside model_open");
  const std::string_view text(name.p, name.n);
  bool good = kind >= SERVAL_METRIC_COUNTER && kind <= SERVAL_METRIC_HISTOGRAM && !text.empty() &&
              (n_bounds == 0) == (kind != SERVAL_METRIC_HISTOGRAM);
  for (std::size_t i = 0; i < text.size(); ++i)
    good = good && ((text[i] >= 'a' && text[i] <= 'z') || text[i] == '_' ||
                    (i > 0 && text[i] >= '0' && text[i] <= '9'));
  for (uint32_t i = 1; i < n_bounds; ++i) good = good && bounds[i] > bounds[i - 1];
  if (!good) {
    self.violate("metrics", "metric '" + std::string(text) + "' has a wrong name, kind or bounds");
    return -SERVAL_INVALID_ARGUMENT;
  }
  return self.locked([&] {
    model.metric_kinds.push_back(kind);
    return int32_t(model.metric_kinds.size() - 1);
  });
}

void HostTable::use_metric(HostModel& model, int32_t handle, uint32_t kinds) {
  const bool good = model.host->locked([&] {
    return handle >= 0 && std::size_t(handle) < model.metric_kinds.size() &&
           (kinds >> model.metric_kinds[std::size_t(handle)] & 1) != 0;
  });
  if (!good) model.host->violate("metrics", "a metric call with a wrong handle or kind");
}

void HostTable::add(serval_model_ref* ref, int32_t handle, double amount) {
  use_metric(of(ref), handle, 1u << SERVAL_METRIC_COUNTER | 1u << SERVAL_METRIC_GAUGE);
  if (std::isnan(amount)) of(ref).host->violate("metrics", "a metric was changed by NaN");
}
void HostTable::set(serval_model_ref* ref, int32_t handle, double) {
  use_metric(of(ref), handle, 1u << SERVAL_METRIC_GAUGE);
}
void HostTable::observe(serval_model_ref* ref, int32_t handle, double) {
  use_metric(of(ref), handle, 1u << SERVAL_METRIC_HISTOGRAM);
}

serval_status HostTable::report(serval_model_ref* ref, uint32_t per_mille, serval_str) {
  HostModel& model = of(ref);
  MiniHost& self = *model.host;
  if (per_mille > 1000) self.violate("progress", "more than 1000 per mille reported");
  const auto [opening, reports] =
      self.locked([&] { return std::pair(model.opening, ++model.reports); });
  if (!opening) self.violate("progress", "progress reported outside model_open");
  const uint32_t at = self.options_.cancel_load_at;
  return at != 0 && reports >= at ? SERVAL_CANCELLED : SERVAL_OK;
}

}  // namespace serval::check
