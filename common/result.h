// Errors as values. A function that can fail returns Status or Result<T>; nothing throws across a
// module's border, nothing prints, nothing aborts.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace serval {

// The gRPC status numbers; the plugin ABI's serval_status uses the same.
enum class Code : int32_t {
  ok = 0,
  cancelled = 1,
  unknown = 2,
  invalid_argument = 3,
  deadline_exceeded = 4,
  not_found = 5,
  already_exists = 6,
  permission_denied = 7,
  resource_exhausted = 8,
  failed_precondition = 9,
  aborted = 10,
  out_of_range = 11,
  unimplemented = 12,
  internal = 13,
  unavailable = 14,
  data_loss = 15,
  unauthenticated = 16,
};

// What went wrong, in words a user can act on: which thing, what was found, what was wanted.
struct Error {
  Code code = Code::internal;
  std::string message;
  std::string param;            // the request field or configuration key at fault, or empty
  uint32_t retry_after_ms = 0;  // 0: a retry is not known to help
};

inline Error error(Code code, std::string message, std::string param = {}) {
  return Error{code, std::move(message), std::move(param), 0};
}
inline Error invalid(std::string message, std::string param = {}) {
  return error(Code::invalid_argument, std::move(message), std::move(param));
}

// Either a T or an Error.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : held_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : held_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return held_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // REQUIRES: ok()
  T& operator*() & { return std::get<0>(held_); }
  const T& operator*() const& { return std::get<0>(held_); }
  T&& operator*() && { return std::get<0>(std::move(held_)); }
  T* operator->() { return &std::get<0>(held_); }
  const T* operator->() const { return &std::get<0>(held_); }

  // REQUIRES: !ok()
  const Error& error() const& { return std::get<1>(held_); }
  Error&& error() && { return std::get<1>(std::move(held_)); }

 private:
  std::variant<T, Error> held_;
};

// Success or an Error.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Error error) : error_(std::move(error)) {}

  bool ok() const { return error_.code == Code::ok; }
  explicit operator bool() const { return ok(); }
  const Error& error() const { return error_; }

 private:
  Error error_{Code::ok, {}, {}, 0};
};

}  // namespace serval
