// Reads a JSON object key by key into typed, range-checked fields.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/json.h"

namespace serval {

// A key that is absent or null leaves its field as it is. The first error is kept and names the
// key, what was found and what is wanted; finish() also refuses keys that nobody read.
class JsonReader {
 public:
  explicit JsonReader(const json::object& object) : object_(object) {}

  void read(std::string_view key, bool& field);
  void read(std::string_view key, int& field, int low, int high);
  void read(std::string_view key, int64_t& field, int64_t low, int64_t high);
  void read(std::string_view key, float& field, float low, float high);
  void read(std::string_view key, std::string& field);
  void read(std::string_view key, std::vector<std::string>& field, std::size_t most);

  // The raw value, or nullptr when it is absent or null.
  const json::value* value(std::string_view key);
  // Keeps the first error.
  void fail(std::string_view key, std::string message);

  Status finish();

 private:
  void wrong(std::string_view key, const json::value& found, const std::string& wanted);

  const json::object& object_;
  std::set<std::string_view> known_;
  Status status_;
};

}  // namespace serval
