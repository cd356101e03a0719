#include "host/models/model_entry.h"

#include <algorithm>
#include <chrono>

namespace serval::host {
namespace {

constexpr uint32_t kRetryMs = 1000;

std::string seconds_text(uint64_t ns) { return std::to_string(ns / 1'000'000'000) + " s"; }

}  // namespace

ModelEntry::ModelEntry(ModelSpec spec, std::shared_ptr<RegistryShared> shared)
    : spec_(std::move(spec)), shared_(std::move(shared)) {
  info_.name = spec_.name;
  info_.path = spec_.path;
  info_.plugin_id = spec_.plugin;
  info_.state = ModelState::unloaded;
  if (spec_.autoload) {
    want_ = Want::load;
    desired_ = true;
    info_.state = ModelState::waiting;
  }
}

void ModelEntry::start() {
  thread_ = std::thread([self = shared_from_this()] { self->run(); });
}

Error ModelEntry::refusal() const {
  Error refused{Code::unavailable, {}, {}, kRetryMs};
  switch (info_.state) {
    case ModelState::waiting:
    case ModelState::loading:
      refused.message = "model " + spec_.name + " is loading";
      break;
    case ModelState::failed:
      refused.message = "model " + spec_.name + " could not be loaded";
      refused.retry_after_ms = 0;
      break;
    case ModelState::unloaded:
      refused.message = "model " + spec_.name + " is not loaded";
      refused.retry_after_ms = 0;
      break;
    case ModelState::ready:
    case ModelState::draining:
      refused.message = "model " + spec_.name + " is being unloaded";
      break;
  }
  return refused;
}

Result<std::shared_ptr<Call>> ModelEntry::submit(Request&& request) {
  std::shared_ptr<ModelQueue> tried;
  for (;;) {
    std::shared_ptr<ModelQueue> queue;
    {
      std::lock_guard lock(mutex_);
      if (!queue_) return refusal();
      const auto& ops = info_.ops;
      if (std::find(ops.begin(), ops.end(), request.op) == ops.end())
        return error(Code::not_found, "model " + spec_.name + " has no operation " + request.op,
                     "model");
      queue = queue_;
    }
    auto call = queue->submit(std::move(request));
    // A swap between the two steps: the queue that has come in its place will take it.
    if (call || !queue->refusing() || queue == tried) return call;
    tried = std::move(queue);
  }
}

Status ModelEntry::load() {
  std::lock_guard lock(mutex_);
  if (stop_ || shared_->draining.load())
    return Error{Code::unavailable, "the server is shutting down", {}, kRetryMs};
  if (want_ == Want::load || loading_ != nullptr)
    return error(Code::already_exists, "model " + spec_.name + " is loading already");
  want_ = Want::load;
  desired_ = true;
  if (info_.state != ModelState::ready) info_.state = ModelState::waiting;
  changed_.notify_all();
  return {};
}

Status ModelEntry::unload() {
  std::lock_guard lock(mutex_);
  if (stop_) return Error{Code::unavailable, "the server is shutting down", {}, kRetryMs};
  if (info_.state == ModelState::unloaded && want_ == Want::nothing)
    return error(Code::failed_precondition, "model " + spec_.name + " is not loaded");
  want_ = Want::unload;
  desired_ = false;
  if (loading_ != nullptr) loading_->cancel_load();
  changed_.notify_all();
  return {};
}

ModelInfo ModelEntry::info() const {
  std::lock_guard lock(mutex_);
  ModelInfo info = info_;
  if (loading_ != nullptr) {
    info.load_per_mille = loading_->per_mille();
    if (const std::string stage = loading_->stage(); !stage.empty()) info.reason = stage;
  }
  if (queue_) {
    const ModelQueue::Counts counts = queue_->counts();
    info.waiting = counts.waiting;
    info.running = counts.running;
    info.parked = counts.parked;
    info.step_age_ns = queue_->step_age_ns();
  }
  return info;
}

std::optional<std::string> ModelEntry::why_not_ready() const {
  std::lock_guard lock(mutex_);
  if (!desired_) return std::nullopt;
  const std::string name = "model " + spec_.name;
  if (info_.state != ModelState::ready)
    return name + " is " + std::string(model_state_name(info_.state)) +
           (info_.reason.empty() ? "" : ": " + info_.reason);
  if (health_.state >= SERVAL_HEALTH_FAILED) return name + " has failed: " + health_.reason;
  const uint64_t age = queue_ ? queue_->step_age_ns() : 0;
  if (age > shared_->options.stall_ns)
    return name + " is stalled: requests run and there was no step for " + seconds_text(age);
  return std::nullopt;
}

void ModelEntry::stop() {
  std::lock_guard lock(mutex_);
  stop_ = true;
  desired_ = false;
  if (loading_ != nullptr) loading_->cancel_load();
  changed_.notify_all();
}

bool ModelEntry::wait_stopped(uint64_t until_ns) {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    const uint64_t now = now_ns();
    if (now >= until_ns) break;
    changed_.wait_for(lock, std::chrono::nanoseconds(until_ns - now));
  }
  const bool ended = stopped_;
  std::thread thread = std::move(thread_);
  lock.unlock();
  if (!thread.joinable()) return ended;  // seen to already
  ended ? thread.join() : thread.detach();
  return ended;
}

void ModelEntry::log(uint32_t level, std::string_view message, const std::string& reason) const {
  if (!shared_->options.log) return;
  const LogField fields[] = {{"model", spec_.name}, {"reason", reason}};
  shared_->options.log(level, message, std::span(fields, reason.empty() ? 1 : 2));
}

}  // namespace serval::host
