#include "stream.h"

#include <algorithm>

namespace serval::check {

static serval_str str(const std::string& text) { return {text.data(), text.size()}; }

Stream::Stream(MiniHost* h, uint64_t id, Spec s) : host(h), spec(std::move(s)) {
  static const std::string kRequestId = "check", kNamespace = "check";
  for (const std::string& input : spec.inputs)
    slices.push_back({input.data(), input.size(), SERVAL_MEM_HOST, 0});
  if (arrival() != Arrival::whole) slices[0] = {nullptr, 0, SERVAL_MEM_HOST, 0};
  if (arrival() == Arrival::uploaded) upload.assign(spec.inputs[0].size(), kNoByte);
  view.size = sizeof(view);
  view.n_inputs = uint32_t(slices.size());
  view.id = id;
  view.deadline_ns = spec.deadline_ns;
  view.cancel_word = reinterpret_cast<const uint32_t*>(&cancel_word);
  view.op = str(spec.op);
  view.request_id = str(kRequestId);
  view.cache_namespace = str(kNamespace);
  view.params_json = str(spec.params);
  view.inputs = slices.data();
}

bool Stream::feed(std::size_t bytes, bool end) {
  const std::string& all = spec.inputs[0];
  bytes = std::min(bytes, all.size() - arrived);
  if (arrival() == Arrival::uploaded && !finished)
    std::copy_n(all.data() + arrived, bytes, upload.data() + arrived);
  arrived += bytes;
  ended |= end;
  if (!waits_for_input || (arrived < wanted && !ended)) return false;
  waits_for_input = false;
  return true;
}

std::string Stream::output(uint32_t index) const {
  std::string all;
  for (const Event& e : events)
    if (e.index == index) all += e.data;
  return all;
}

}  // namespace serval::check
