#include "plugins/bei/scheduler.h"

#include <algorithm>
#include <queue>
#include <tuple>

namespace serval::bei {
namespace {

// Waiting for this long is worth one step of priority,
constexpr uint64_t kPriorityNs = 4'000'000'000;
// and for this long as many tokens as a step has.
constexpr uint64_t kStepNs = 200'000'000;

}  // namespace

bool Scheduler::Rank::operator<(const Rank& other) const {
  return std::tie(priority, given, since_ns) <
         std::tie(other.priority, other.given, other.since_ns);
}

Scheduler::Rank Scheduler::rank(const Flow& flow, uint64_t now_ns) const {
  const uint64_t waited = now_ns > flow.since_ns ? now_ns - flow.since_ns : 0;
  const auto gain = int64_t(double(waited) / double(kStepNs) * tokens_per_step_);
  return {flow.priority - int64_t(waited / kPriorityNs), flow.given - gain, flow.since_ns};
}

void Scheduler::add(Flow& flow) {
  flow.given = floor_;
  flows_.push_back(&flow);
}

void Scheduler::remove(Flow& flow) {
  take_back(flow);
  std::erase(flows_, &flow);
}

void Scheduler::push(Flow& flow, Flow::Text text) {
  flow.ready.push_back(text);
  ready_tokens_ += text.tokens;
}

std::vector<int> Scheduler::take_back(Flow& flow) {
  std::vector<int> items;
  for (const Flow::Text& text : flow.ready) {
    items.push_back(text.item);
    ready_tokens_ -= text.tokens;
  }
  flow.ready.clear();
  return items;
}

std::vector<Flow*> Scheduler::order(uint64_t now_ns) const {
  std::vector<Flow*> out;
  for (Flow* flow : flows_)
    if (!flow->parked) out.push_back(flow);
  std::stable_sort(out.begin(), out.end(), [&](const Flow* a, const Flow* b) {
    return rank(*a, now_ns) < rank(*b, now_ns);
  });
  return out;
}

std::vector<Scheduler::Pick> Scheduler::plan(uint64_t now_ns) {
  using Entry = std::pair<Rank, Flow*>;
  const auto later = [](const Entry& a, const Entry& b) { return b.first < a.first; };
  std::priority_queue<Entry, std::vector<Entry>, decltype(later)> line(later);
  for (Flow* flow : flows_)
    if (!flow->parked && !flow->ready.empty()) line.push({rank(*flow, now_ns), flow});
  std::vector<Pick> picks;
  int room = tokens_per_step_;
  while (!line.empty() && room > 0) {
    Flow& flow = *line.top().second;
    line.pop();
    const Flow::Text text = flow.ready.front();
    if (text.tokens > room && !picks.empty()) continue;
    flow.ready.pop_front();
    picks.push_back({&flow, text.item});
    room -= text.tokens;
    ready_tokens_ -= text.tokens;
    floor_ = std::max(floor_, flow.given);
    flow.given += text.tokens;
    flow.since_ns = now_ns;
    if (!flow.ready.empty()) line.push({rank(flow, now_ns), &flow});
  }
  return picks;
}

}  // namespace serval::bei
