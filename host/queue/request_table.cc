#include "host/queue/request_table.h"

namespace serval::host {

RequestTable& RequestTable::instance() {
  static RequestTable* const table = new RequestTable;  // used by threads until the very end
  return *table;
}

uint64_t RequestTable::add_queue(std::weak_ptr<ModelQueue> queue) {
  std::lock_guard lock(queues_mutex_);
  const uint64_t number = ++last_queue_;
  queues_.emplace(number, std::move(queue));
  return (number << kQueueShift) + 1;
}

void RequestTable::remove_queue(uint64_t first_id) {
  std::lock_guard lock(queues_mutex_);
  queues_.erase(first_id >> kQueueShift);
}

std::shared_ptr<ModelQueue> RequestTable::queue_of(uint64_t id) const {
  std::lock_guard lock(queues_mutex_);
  const auto it = queues_.find(id >> kQueueShift);
  return it == queues_.end() ? nullptr : it->second.lock();
}

void RequestTable::insert(const std::shared_ptr<RequestState>& request) {
  Shard& shard = shards_[request->id % kShards];
  std::lock_guard lock(shard.mutex);
  shard.requests.emplace(request->id, request);
}

std::shared_ptr<RequestState> RequestTable::find(uint64_t id) const {
  const Shard& shard = shards_[id % kShards];
  std::lock_guard lock(shard.mutex);
  const auto it = shard.requests.find(id);
  return it == shard.requests.end() ? nullptr : it->second;
}

std::shared_ptr<RequestState> RequestTable::take(uint64_t id) {
  Shard& shard = shards_[id % kShards];
  std::lock_guard lock(shard.mutex);
  const auto it = shard.requests.find(id);
  if (it == shard.requests.end()) return nullptr;
  auto request = std::move(it->second);
  shard.requests.erase(it);
  return request;
}

}  // namespace serval::host
