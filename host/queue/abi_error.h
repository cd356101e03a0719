// serval_error, as a plugin filled it, to our Error.
#pragma once

#include <string>
#include <string_view>

#include "common/result.h"
#include "serval/types.h"

namespace serval::host {

// error may be null or too short, its texts unterminated or not UTF-8. retry_after_ms is at least 1
// if the plugin flagged the error as retryable. A code that is none becomes internal.
Error error_from_abi(serval_status code, const serval_error* error);

inline std::string_view view_of(serval_str text) {
  return text.p == nullptr ? std::string_view{} : std::string_view(text.p, text.n);
}

inline serval_str abi_str(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace serval::host
