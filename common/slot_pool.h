// Things of which each thread of a phase borrows one for the time of a chunk, as its scratch
// memory.
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace serval {

// Filled before the first lease; leases may then be taken by as many threads as there are slots.
template <class Slot>
class SlotPool {
 public:
  void add(Slot slot) {
    free_.push_back(slots_.size());
    slots_.push_back(std::move(slot));
  }

  // A slot that nobody else has meanwhile. REQUIRES: one is free.
  class Lease {
   public:
    explicit Lease(SlotPool& pool) : pool_(pool) {
      const std::lock_guard lock(*pool_.mutex_);
      index_ = pool_.free_.back();
      pool_.free_.pop_back();
    }
    ~Lease() {
      const std::lock_guard lock(*pool_.mutex_);
      pool_.free_.push_back(index_);
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Slot& operator*() const { return pool_.slots_[index_]; }

   private:
    SlotPool& pool_;
    std::size_t index_;
  };

 private:
  std::vector<Slot> slots_;
  std::vector<std::size_t> free_;
  std::unique_ptr<std::mutex> mutex_ = std::make_unique<std::mutex>();  // so that pools can move
};

}  // namespace serval
