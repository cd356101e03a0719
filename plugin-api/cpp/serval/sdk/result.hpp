// Errors as values, for plugins: nothing in the SDK throws at a plugin's author, and nothing a
// plugin throws leaves the plugin.
#pragma once

#include <algorithm>
#include <cstring>
#include <serval/types.h>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace serval::sdk {

// What went wrong, in words a user can act on: which thing, what was found, what was wanted.
struct Error {
  serval_status code = SERVAL_INTERNAL;
  std::string message;
  std::string param;            // the request parameter or configuration key at fault, or empty
  uint32_t retry_after_ms = 0;  // 0: unknown
  bool retryable = false;       // the same request may well succeed elsewhere or later

  // From any type with code, message and param, as most code bases have one; retry_after_ms is
  // taken over where it has that too.
  template <class Other>
  static Error from(const Other& other) {
    Error out{static_cast<serval_status>(other.code), other.message, other.param};
    if constexpr (requires { other.retry_after_ms; }) out.retry_after_ms = other.retry_after_ms;
    return out;
  }
};

inline Error invalid(std::string message, std::string param = {}) {
  return {SERVAL_INVALID_ARGUMENT, std::move(message), std::move(param)};
}

// Either a T or an Error.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : held_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : held_(std::in_place_index<1>, std::move(error)) {}
  // So that a Result<unique_ptr<Base>> can be returned from a unique_ptr<Derived>.
  template <class U>
  requires(std::is_convertible_v<U, T> && !std::is_same_v<std::decay_t<U>, T> &&
           !std::is_same_v<std::decay_t<U>, Error> && !std::is_same_v<std::decay_t<U>, Result>)
      Result(U&& value)
      : held_(std::in_place_index<0>, std::forward<U>(value)) {}

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

  bool ok() const { return error_.code == SERVAL_OK; }
  explicit operator bool() const { return ok(); }
  const Error& error() const { return error_; }

 private:
  Error error_{SERVAL_OK, {}, {}};
};

inline serval_str to_abi(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view from_abi(serval_str text) {
  return {text.p, static_cast<std::size_t>(text.n)};
}

namespace detail {

// Copies as much of text as fits with a NUL behind it, without cutting a UTF-8 character.
template <std::size_t N>
void copy_text(char (&out)[N], std::string_view text) {
  std::size_t n = std::min(text.size(), N - 1);
  if (n < text.size())
    while (n > 0 && (static_cast<unsigned char>(text[n]) & 0xC0) == 0x80) --n;
  std::memcpy(out, text.data(), n);
  out[n] = '\0';
}

}  // namespace detail

// Writes error into the caller's memory, as far as that goes, and returns its code.
inline serval_status to_abi(const Error& error, serval_error* out) {
  if (out == nullptr || !SERVAL_HAS(out, param)) return error.code;
  out->code = error.code;
  out->flags = error.retryable ? SERVAL_ERROR_RETRYABLE : 0;
  out->retry_after_ms = error.retry_after_ms;
  detail::copy_text(out->message, error.message);
  detail::copy_text(out->param, error.param);
  return error.code;
}

}  // namespace serval::sdk
