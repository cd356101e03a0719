#include "fake_model.h"

#include <chrono>
#include <cstring>
#include <vector>

#include "common/json.h"

namespace serval::fakes {

FakeModel::~FakeModel() {
  stopping_.store(true);
  host_->wake(ref_);
  if (loop_.joinable()) loop_.join();
}

void FakeModel::start() {
  loop_ = std::thread([this] { run(); });
}

void FakeModel::quiesce() {
  stopping_.store(true);
  host_->wake(ref_);
  loop_.join();
}

void FakeModel::signal(uint32_t kind, uint64_t id) {
  if (kind == SERVAL_SIGNAL_CANCEL) switches().cancels_signalled.fetch_add(1);
  {
    const std::lock_guard lock(mutex_);
    writable_.insert(id);
  }
  host_->wake(ref_);
}

void FakeModel::run() {
  uint64_t steps = 0;
  for (;;) {
    while (switches().hang.load() && !stopping_.load())
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    bool busy = false;
    for (const auto& [id, work] : running_) busy = busy || !work.parked;
    serval_request* pulled[16];
    serval_budget budget{sizeof budget, 0, 0, busy ? 0 : 20'000'000u};
    budget.max_requests = uint32_t(std::min<std::size_t>(16, slots_ - running_.size()));
    const int32_t n = host_->pull(ref_, &budget, pulled, 16);
    for (int32_t i = 0; i < n; ++i) admit(pulled[i]);
    std::set<uint64_t> writable;
    {
      const std::lock_guard lock(mutex_);
      writable.swap(writable_);
    }
    for (const uint64_t id : writable) {
      if (const auto it = running_.find(id); it != running_.end()) it->second.parked = false;
    }
    for (auto it = running_.begin(); it != running_.end();) {
      const bool goes_on = it->second.parked || step(it->second);
      it = goes_on ? std::next(it) : running_.erase(it);
    }
    host_->beat(ref_, ++steps, running_.size());
    if (const uint32_t us = switches().step_us.load(); us != 0 && !running_.empty())
      std::this_thread::sleep_for(std::chrono::microseconds(us));
    if (n < 0 || stopping_.load()) {
      for (auto& [id, work] : running_) end(work, SERVAL_UNAVAILABLE, "quiesced");
      running_.clear();
      if (n < 0) return;
    }
  }
}

void FakeModel::admit(serval_request* handle) {
  switches().started.fetch_add(1);
  const serval_request_view* const view = host_->view(handle);
  const auto params = parse_json({view->params_json.p, view->params_json.n});
  Work work{handle, view, 1, std::string(1, char('0' + number_ % 10))};
  if (params && params->is_object()) {
    if (const auto* events = params->as_object().if_contains("events"))
      work.left = events->to_number<uint64_t>();
    if (const auto* bytes = params->as_object().if_contains("bytes"))
      work.text.resize(bytes->to_number<uint64_t>(), 'x');
  }
  running_.emplace(view->id, std::move(work));
}

bool FakeModel::step(Work& work) {
  const uint32_t reason = SERVAL_CANCEL_REASON(work.view);
  if (reason != SERVAL_CANCEL_NONE) {
    end(work, reason == SERVAL_CANCEL_DEADLINE ? SERVAL_DEADLINE_EXCEEDED : SERVAL_CANCELLED, "");
    return false;
  }
  if (work.left > 0) {
    serval_event event{};
    event.size = sizeof event;
    event.kind = SERVAL_EVENT_TEXT;
    event.data = {work.text.data(), work.text.size(), SERVAL_MEM_HOST, 0};
    const serval_status status = host_->emit(work.handle, &event);
    if (status == SERVAL_RESOURCE_EXHAUSTED) work.parked = true;
    if (status != SERVAL_OK) return true;
    --work.left;
  }
  if (work.left > 0) return true;
  end(work, SERVAL_OK, "");
  return false;
}

void FakeModel::end(Work& work, serval_status code, const char* message) {
  serval_error error{};
  error.size = sizeof error;
  error.code = code;
  std::strncpy(error.message, message, sizeof error.message - 1);
  const char* const usage = "{\"done\":1}";
  const serval_finish finish{sizeof finish, code, &error, {usage, std::strlen(usage)}};
  host_->finish(work.handle, &finish);
}

}  // namespace serval::fakes
