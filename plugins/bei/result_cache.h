// Results of inputs that may come again, exactly as they were. Bounded in bytes; what was not used
// for longest goes first.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace serval::bei {

struct CachedResult {
  std::vector<float> values;
  int tokens = 0;  // of the input
};

// Not thread-safe.
class ResultCache {
 public:
  explicit ResultCache(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  bool on() const { return most_bytes_ > 0; }
  // Valid until the next put; nullptr: not there. key: everything the result depends on, and whose
  // it is. Inputs are compared in full.
  const CachedResult* find(const std::string& key);
  void put(std::string key, CachedResult result);
  void clear();

  std::size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    std::string key;
    CachedResult result;
  };
  static std::size_t size_of(const Entry& entry);
  void drop_last();

  std::size_t most_bytes_, bytes_ = 0;
  std::list<Entry> entries_;  // the last used first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_key_;
};

}  // namespace serval::bei
