// From the handles that plugins hold to the requests behind them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "host/queue/request_state.h"

namespace serval::host {

// A plugin's `serval_request*` is not an address but the request's id, which is never used again: a
// handle that is used after finish, or made up, is found out instead of followed. The upper bits of
// an id number the queue it is from, so that the broken rule can be counted where it belongs.
// One table for the process, because the ABI's emit() and finish() get nothing but the handle.
class RequestTable {
 public:
  static RequestTable& instance();

  static serval_request* handle(uint64_t id) { return reinterpret_cast<serval_request*>(id); }
  static uint64_t id(const serval_request* handle) { return reinterpret_cast<uint64_t>(handle); }

  // Numbers a queue; its ids are first_id, first_id + 1, ...
  uint64_t add_queue(std::weak_ptr<ModelQueue> queue);
  void remove_queue(uint64_t first_id);
  std::shared_ptr<ModelQueue> queue_of(uint64_t id) const;  // nullptr: gone, or never was

  void insert(const std::shared_ptr<RequestState>& request);
  std::shared_ptr<RequestState> find(uint64_t id) const;  // nullptr if it is not running
  std::shared_ptr<RequestState> take(uint64_t id);        // and removes it

 private:
  static constexpr uint32_t kQueueShift = 40;
  static constexpr std::size_t kShards = 16;
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    std::unordered_map<uint64_t, std::shared_ptr<RequestState>> requests;
  };

  std::array<Shard, kShards> shards_;
  mutable std::mutex queues_mutex_;
  std::unordered_map<uint64_t, std::weak_ptr<ModelQueue>> queues_;
  uint64_t last_queue_ = 0;
};

}  // namespace serval::host
