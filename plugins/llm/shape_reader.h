// Reads "<architecture>.<key>" values of a GGUF file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/formats/gguf.h"

namespace serval::llm {

// The first error stays and everything after it is 0, so a caller checks once, at the end. Keys
// that were asked for are remembered: a key that changes what a model computes and that nobody has
// asked for is an error, not ignored.
class ShapeReader {
 public:
  ShapeReader(const GgufFile& file, std::string_view architecture)
      : file_(file), prefix_(std::string(architecture) + ".") {}

  // Value of the key within [low, high], or `absent` when the file has none (integers: a negative
  // `absent` makes the key required).
  int integer(std::string_view key, int low, int high, int absent = -1);
  double real(std::string_view key, double low, double high, double absent);
  bool boolean(std::string_view key, bool absent);
  std::string_view text(std::string_view key, std::string_view absent);
  bool has(std::string_view key);
  // Whether the key's value is an array.
  bool is_array(std::string_view key);
  std::vector<bool> booleans(std::string_view key);

  // "<file>: <what> is not supported".
  void refuse(const std::string& what);
  // "<file>: <what>".
  void reject(const std::string& what);
  // Refuses the first key that changes what a model computes and that nobody has asked for.
  void refuse_unread();

  const GgufFile& file() const { return file_; }
  const Status& status() const { return status_; }

 private:
  std::string name(std::string_view key);
  int fail(const Error& error);

  const GgufFile& file_;
  std::string prefix_;
  std::vector<std::string> asked_;
  Status status_;
};

}  // namespace serval::llm
