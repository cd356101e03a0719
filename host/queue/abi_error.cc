#include "host/queue/abi_error.h"

#include <algorithm>

#include "common/utf8.h"

namespace serval::host {
namespace {

// A fixed field that the plugin should have ended with NUL and filled with UTF-8.
std::string text_of(const char* field, std::size_t size) {
  const std::string_view whole(field, size);
  return replace_invalid_utf8(whole.substr(0, std::min(whole.find('\0'), size)));
}

}  // namespace

Error error_from_abi(serval_status code, const serval_error* given) {
  if (code == SERVAL_OK) return Error{Code::ok, {}, {}, 0};
  Error error{Code::internal, "the plugin gave no reason", {}, 0};
  if (code > SERVAL_OK && code <= SERVAL_UNAUTHENTICATED) error.code = Code(code);
  if (given == nullptr || !SERVAL_HAS(given, param)) return error;
  if (given->message[0] != 0) error.message = text_of(given->message, sizeof given->message);
  error.param = text_of(given->param, sizeof given->param);
  if ((given->flags & SERVAL_ERROR_RETRYABLE) != 0)
    error.retry_after_ms = std::max(given->retry_after_ms, 1u);
  return error;
}

}  // namespace serval::host
