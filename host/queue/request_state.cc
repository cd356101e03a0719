#include "host/queue/request_state.h"

namespace serval::host {
namespace {

serval_str borrow(const std::string& text) { return {text.data(), text.size()}; }

// A tenant's name has no line feed (key_file.h), so no two pairs give the same.
std::string namespace_of(const Request& request) {
  return request.cache_salt.empty() ? request.tenant : request.tenant + '\n' + request.cache_salt;
}

}  // namespace

RequestState::RequestState(uint64_t id, Request taken, std::shared_ptr<ModelQueue> owner,
                           const StreamLimits& limits, uint64_t now)
    : id(id),
      queue(std::move(owner)),
      request(std::move(taken)),
      cache_namespace(namespace_of(request)),
      accepted_ns(now),
      stream(limits) {
  WaitItem::priority = request.priority;
  WaitItem::cost = request.bytes();
  WaitItem::tenant = request.tenant;
  for (std::size_t i = 0; i < request.inputs.size(); ++i) {
    const std::string_view input = request.input(i);
    slices.push_back({input.data(), input.size(), SERVAL_MEM_HOST, 0});
  }
  view.size = sizeof view;
  view.n_inputs = uint32_t(slices.size());
  view.id = id;
  view.accepted_ns = now;
  view.deadline_ns = request.deadline_ns;
  view.priority = request.priority;
  static_assert(sizeof(cancel_word) == sizeof(uint32_t) &&
                std::atomic<uint32_t>::is_always_lock_free);
  view.cancel_word = reinterpret_cast<const uint32_t*>(&cancel_word);
  view.op = borrow(request.op);
  view.request_id = borrow(request.request_id);
  view.cache_namespace = borrow(cache_namespace);
  view.adapter = borrow(request.adapter);
  view.traceparent = borrow(request.traceparent);
  view.params_json = borrow(request.params_json);
  view.inputs = slices.data();
}

}  // namespace serval::host
