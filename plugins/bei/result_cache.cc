#include "plugins/bei/result_cache.h"

namespace serval::bei {

std::size_t ResultCache::size_of(const Entry& entry) {
  constexpr std::size_t kBookkeeping = 160;  // nodes of the list and the table
  return entry.key.size() + entry.result.values.size() * sizeof(float) + kBookkeeping;
}

const CachedResult* ResultCache::find(const std::string& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return &found->second->result;
}

void ResultCache::put(std::string key, CachedResult result) {
  if (by_key_.contains(key)) return;
  result.values.shrink_to_fit();
  Entry entry{std::move(key), std::move(result)};
  const std::size_t size = size_of(entry);
  if (size > most_bytes_) return;
  while (bytes_ + size > most_bytes_) drop_last();
  entries_.push_front(std::move(entry));
  by_key_.emplace(entries_.front().key, entries_.begin());
  bytes_ += size;
}

void ResultCache::clear() {
  by_key_.clear();
  entries_.clear();
  bytes_ = 0;
}

void ResultCache::drop_last() {
  const Entry& last = entries_.back();
  bytes_ -= size_of(last);
  by_key_.erase(last.key);
  entries_.pop_back();
}

}  // namespace serval::bei
