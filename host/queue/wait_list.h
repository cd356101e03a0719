// The order in which waiting requests are served. No lock, no clock.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace serval::host {

struct WaitFlow;

// What the list knows of a request. Owned by the caller, who keeps it in place while it is listed.
struct WaitItem {
  int32_t priority = 0;
  uint64_t cost = 0;  // bytes
  std::string tenant;

  WaitFlow* flow = nullptr;  // the list's own from here on; nullptr: not listed
  std::list<WaitItem*>::iterator place;
};

// Lower priorities first. Within a priority the tenants share by cost (start-time fair queueing:
// each tenant has a virtual clock that its requests push forward by their cost, the clock that is
// furthest behind goes next); within a tenant first come, first served. source: Goyal, Vin, Cheng
// 1996, "Start-time Fair Queueing".
class WaitList {
 public:
  struct Use {
    uint64_t items = 0;
    uint64_t bytes = 0;
  };

  ~WaitList();
  WaitList();
  WaitList(const WaitList&) = delete;
  WaitList& operator=(const WaitList&) = delete;

  void push(WaitItem& item);
  WaitItem* front() const;      // the next one; nullptr if empty
  void take(WaitItem& item);    // it is served: its tenant pays. REQUIRES: item is front()
  void remove(WaitItem& item);  // it leaves unserved

  bool empty() const { return total_.items == 0; }
  Use total() const { return total_; }
  Use of_tenant(const std::string& tenant) const;
  std::size_t tenants() const { return uses_.size(); }

 private:
  struct Level;
  void unlist(WaitItem& item, bool served);

  std::map<int32_t, Level> levels_;
  std::map<std::string, Use> uses_;
  Use total_;
  uint64_t last_flow_ = 0;
};

}  // namespace serval::host
