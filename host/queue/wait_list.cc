#include "host/queue/wait_list.h"

#include <algorithm>

namespace serval::host {
namespace {

// Short requests are not free: each also counts as this many bytes of work.
constexpr uint64_t kCostOfOne = 1024;

// Tenants without waiting requests whose clocks are still ahead; more are not remembered.
constexpr std::size_t kRemembered = 1024;

}  // namespace

struct WaitFlow {
  std::string tenant;
  int32_t priority = 0;
  uint64_t serial = 0;  // who came first wins a tie
  uint64_t clock = 0;   // virtual start of the first item
  std::list<WaitItem*> items;
};

struct WaitList::Level {
  struct Behind {
    bool operator()(const WaitFlow* a, const WaitFlow* b) const {
      return std::pair(a->clock, a->serial) < std::pair(b->clock, b->serial);
    }
  };
  uint64_t clock = 0;  // virtual start of what was served last
  std::map<std::string, WaitFlow> flows;
  std::set<WaitFlow*, Behind> order;
  std::map<std::string, uint64_t> ahead;  // clocks of tenants that have nothing waiting now
};

WaitList::WaitList() = default;
WaitList::~WaitList() = default;

void WaitList::push(WaitItem& item) {
  Level& level = levels_[item.priority];
  const auto [it, is_new] = level.flows.try_emplace(item.tenant);
  WaitFlow& flow = it->second;
  if (is_new) {
    flow.tenant = item.tenant;
    flow.priority = item.priority;
    flow.serial = ++last_flow_;
    flow.clock = level.clock;
    if (const auto known = level.ahead.find(item.tenant); known != level.ahead.end()) {
      flow.clock = std::max(flow.clock, known->second);
      level.ahead.erase(known);
    }
    level.order.insert(&flow);
  }
  item.flow = &flow;
  item.place = flow.items.insert(flow.items.end(), &item);
  for (Use* use : {&total_, &uses_[item.tenant]}) {
    ++use->items;
    use->bytes += item.cost;
  }
}

WaitItem* WaitList::front() const {
  if (levels_.empty()) return nullptr;
  return (*levels_.begin()->second.order.begin())->items.front();
}

void WaitList::take(WaitItem& item) { unlist(item, true); }
void WaitList::remove(WaitItem& item) { unlist(item, false); }

void WaitList::unlist(WaitItem& item, bool served) {
  WaitFlow& flow = *item.flow;
  const auto level_it = levels_.find(flow.priority);
  Level& level = level_it->second;
  level.order.erase(&flow);
  flow.items.erase(item.place);
  item.flow = nullptr;
  if (served) {
    level.clock = flow.clock;
    flow.clock += kCostOfOne + item.cost;
  }
  if (!flow.items.empty()) {
    level.order.insert(&flow);
  } else {
    if (flow.clock > level.clock) level.ahead[flow.tenant] = flow.clock;
    level.flows.erase(level.flows.find(item.tenant));
    if (level.ahead.size() > kRemembered)
      std::erase_if(level.ahead, [&](const auto& known) { return known.second <= level.clock; });
    if (level.ahead.size() > kRemembered) level.ahead.clear();
    if (level.flows.empty()) levels_.erase(level_it);  // nobody waits: all start even again
  }
  const auto use = uses_.find(item.tenant);
  for (Use* one : {&total_, &use->second}) {
    --one->items;
    one->bytes -= item.cost;
  }
  if (use->second.items == 0) uses_.erase(use);
}

WaitList::Use WaitList::of_tenant(const std::string& tenant) const {
  const auto it = uses_.find(tenant);
  return it == uses_.end() ? Use{} : it->second;
}

}  // namespace serval::host
