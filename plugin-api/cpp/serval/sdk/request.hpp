// One request, owned: whoever holds it has the duty to finish it, and the destructor does if nobody
// did.
#pragma once

#include <atomic>
#include <serval/ext/draft/input_stream.h>
#include <serval/request.h>
#include <string_view>
#include <utility>

#include "serval/sdk/checks.hpp"
#include "serval/sdk/host.hpp"
#include "serval/sdk/result.hpp"

namespace serval::sdk {

enum class Emit {
  taken,  // copied; the event's memory is the caller's again
  full,   // not taken: the reader is slow. Park this request, keep the event, emit it again after
          // Engine::writable(id); go on with others
  cancelled,  // not taken: finish the request now (finish_cancelled)
  invalid,    // not taken: the event breaks a rule; the host has logged which
};

namespace detail {

inline constexpr uint32_t kDeadWord = SERVAL_CANCEL_CLIENT;
inline constexpr serval_request_view kDeadView{
    sizeof(serval_request_view), 0, 0, 0, 0, 0, 0, &kDeadWord, {}, {}, {}, {}, {}, {}, nullptr};

}  // namespace detail

// Threads: one at a time for one request. Views returned by accessors live until finish.
class Request {
 public:
  Request() = default;

  // Takes over what pull returned. stopping: the model's flag that it quiesces; may be nullptr,
  // else it outlives the request. EngineModel calls this for you.
  Request(const serval_host* host, serval_request* handle, const std::atomic<bool>* stopping)
      : host_(host),
        handle_(handle),
        view_(host->view(handle)),
        id_(view_->id),
        stopping_(stopping) {}

  Request(Request&& other) noexcept { take(other); }
  Request& operator=(Request&& other) noexcept {
    if (this != &other) {
      drop();
      take(other);
    }
    return *this;
  }
  ~Request() { drop(); }

  bool finished() const { return handle_ == nullptr; }

  uint64_t id() const { return id_; }  // also after finish
  std::string_view op() const { return from_abi(view().op); }
  std::string_view params_json() const { return from_abi(view().params_json); }
  std::size_t inputs() const { return view().n_inputs; }
  // Bytes of input i; empty when there is none or it is not in host memory.
  std::string_view input(std::size_t i) const {
    const serval_request_view& v = view();
    if (i >= v.n_inputs || v.inputs[i].mem != SERVAL_MEM_HOST) return {};
    return {static_cast<const char*>(v.inputs[i].data), std::size_t(v.inputs[i].len)};
  }
  std::string_view request_id() const { return from_abi(view().request_id); }
  std::string_view cache_namespace() const { return from_abi(view().cache_namespace); }
  std::string_view adapter() const { return from_abi(view().adapter); }
  std::string_view traceparent() const { return from_abi(view().traceparent); }
  int32_t priority() const { return view().priority; }
  uint64_t accepted_ns() const { return view().accepted_ns; }
  uint64_t deadline_ns() const { return view().deadline_ns; }  // 0: none

  // SERVAL_CANCEL_*; 0 while the request is wanted. Costs one load: ask every step.
  uint32_t cancel_reason() const { return SERVAL_CANCEL_REASON(view_); }
  bool cancelled() const { return cancel_reason() != SERVAL_CANCEL_NONE; }

  // Never blocks.
  Emit emit(const serval_event& event) {
    detail::OneThread::Inside inside(one_thread_, host_);
    if (finished()) {
      detail::misuse(host_, "SDK check: emit after finish");
      return Emit::cancelled;
    }
    switch (host_->emit(handle_, &event)) {
      case SERVAL_OK:
        return Emit::taken;
      case SERVAL_RESOURCE_EXHAUSTED:
        return Emit::full;
      case SERVAL_CANCELLED:
        return Emit::cancelled;
      default:
        return Emit::invalid;
    }
  }

  // text: UTF-8, never cut inside a character. last: output `index` is complete with it.
  Emit emit_text(uint32_t index, std::string_view text, std::string_view meta_json = {},
                 bool last = false) {
    return emit({sizeof(serval_event),
                 SERVAL_EVENT_TEXT,
                 index,
                 last ? SERVAL_EVENT_FLAG_LAST : 0,
                 {text.data(), text.size(), SERVAL_MEM_HOST, 0},
                 to_abi(meta_json)});
  }

  // What InputStream::read is made of.
  serval_status read_input(const serval_ext_input_stream& table, void* to, uint64_t capacity,
                           uint64_t& n) {
    detail::OneThread::Inside inside(one_thread_, host_);
    if (finished()) {
      detail::misuse(host_, "SDK check: input is read after finish");
      return SERVAL_CANCELLED;
    }
    return table.read(handle_, to, capacity, &n);
  }
  // What InputStream::arrived is made of.
  serval_status arrived_input(const serval_ext_input_stream& table, uint64_t wanted,
                              std::string_view& bytes) {
    detail::OneThread::Inside inside(one_thread_, host_);
    if (finished()) {
      detail::misuse(host_, "SDK check: input is read after finish");
      return SERVAL_CANCELLED;
    }
    const void* data = nullptr;
    uint64_t size = 0;
    const serval_status status = table.arrived(handle_, wanted, &data, &size);
    bytes = {static_cast<const char*>(data), std::size_t(size)};
    return status;
  }

  void finish_ok(std::string_view usage_json = {}) {
    finish({sizeof(serval_finish), SERVAL_OK, nullptr, to_abi(usage_json)});
  }
  void finish_error(const Error& error, std::string_view usage_json = {}) {
    serval_error abi{};
    abi.size = sizeof(abi);
    to_abi(error, &abi);
    finish({sizeof(serval_finish), error.code, &abi, to_abi(usage_json)});
  }
  // With the code that belongs to the cancel word's reason.
  void finish_cancelled(std::string_view usage_json = {}) {
    if (cancel_reason() == SERVAL_CANCEL_DEADLINE)
      finish_error({SERVAL_DEADLINE_EXCEEDED, "the deadline has passed", {}}, usage_json);
    else
      finish_error({SERVAL_CANCELLED, "the request was cancelled", {}}, usage_json);
  }

 private:
  const serval_request_view& view() const {
    if (finished()) detail::misuse(host_, "SDK check: a request is read after finish");
    return *view_;
  }

  void finish(const serval_finish& how) {
    detail::OneThread::Inside inside(one_thread_, host_);
    if (finished()) return detail::misuse(host_, "SDK check: a request is finished twice");
    serval_request* handle = std::exchange(handle_, nullptr);
    view_ = &detail::kDeadView;
    host_->finish(handle, &how);
  }

  void drop() {
    if (finished()) return;
    if (cancelled()) return finish_cancelled();
    if (stopping_ != nullptr && stopping_->load(std::memory_order_acquire))
      finish_error({SERVAL_UNAVAILABLE, "the model is stopping", {}, 0, true});
    else
      finish_error({SERVAL_INTERNAL, "plugin dropped the request", {}});
  }

  void take(Request& other) {
    host_ = other.host_;
    handle_ = std::exchange(other.handle_, nullptr);
    view_ = std::exchange(other.view_, &detail::kDeadView);
    id_ = other.id_;
    stopping_ = other.stopping_;
  }

  const serval_host* host_ = nullptr;
  serval_request* handle_ = nullptr;
  const serval_request_view* view_ = &detail::kDeadView;
  uint64_t id_ = 0;
  const std::atomic<bool>* stopping_ = nullptr;
  [[no_unique_address]] detail::OneThread one_thread_;
};

}  // namespace serval::sdk
