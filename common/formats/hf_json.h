// Reads the JSON files of a Hugging Face folder: keys that nobody asks for are left alone, as there
// are many that do not change what a model computes.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/json.h"
#include "common/mapped_file.h"

namespace serval {

// The object in a file. Errors: not_found; data_loss, naming the file, if it is no JSON object or
// larger than `most` bytes.
Result<json::object> read_json_file(const std::filesystem::path& path, std::size_t most);

// Typed values by key. null counts as absent. The first error stays and names file and key.
class HfJson {
 public:
  HfJson(const json::object& object, std::filesystem::path path)
      : object_(object), path_(std::move(path)) {}

  const json::value* value(std::string_view key) const;
  bool has(std::string_view key) const { return value(key) != nullptr; }
  std::optional<int64_t> integer(std::string_view key);
  std::optional<double> real(std::string_view key);
  bool boolean(std::string_view key, bool absent);
  std::string text(std::string_view key, std::string_view absent);
  // A number or a list of numbers; none if absent.
  std::vector<int64_t> integers(std::string_view key);

  // Keep the first error: a value of the wrong kind; something this engine does not do.
  void wrong(std::string_view key, const char* want);
  void refuse(const std::string& what);
  const std::filesystem::path& path() const { return path_; }
  const Status& status() const { return status_; }

 private:
  void keep(Code code, const std::string& what);

  const json::object& object_;
  std::filesystem::path path_;
  Status status_;
};

}  // namespace serval
