// Reads one part of a tokenizer.json: an object with a "type" and fields of its own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/json.h"

namespace serval::tok {

// The first error is kept, and what is read after it is empty; status() tells. Views into the JSON.
class Component {
 public:
  // where: the file and the part, for messages. value: may be nullptr or anything else.
  Component(const json::value* value, std::string where);

  bool absent() const { return object_ == nullptr && status_.ok(); }
  std::string_view type() const { return type_; }
  const std::string& where() const { return where_; }

  // Absent or null: the fallback, or without one an error.
  std::string_view text(std::string_view key);
  std::string_view text(std::string_view key, std::string_view fallback);
  bool flag(std::string_view key);
  bool flag(std::string_view key, bool fallback);
  int64_t number(std::string_view key, int64_t fallback, int64_t low, int64_t high);
  // nullptr if absent or null.
  const json::value* member(std::string_view key) const;
  // Members of a list of parts, named `where() + " " + index`.
  std::vector<Component> list(std::string_view key);

  const Status& status() const { return status_; }
  // Keeps the first error.
  void fail(Error error);
  Error bad(const std::string& what) const;          // data_loss
  Error unsupported(const std::string& what) const;  // unimplemented

 private:
  const json::value* wanted(std::string_view key, const char* kind);

  const json::object* object_ = nullptr;
  std::string where_;
  std::string_view type_;
  Status status_;
};

}  // namespace serval::tok
