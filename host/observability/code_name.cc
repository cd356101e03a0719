#include "host/observability/code_name.h"

#include <iterator>

namespace serval::host {

std::string_view code_name(Code code) {
  static constexpr std::string_view kNames[] = {"ok",
                                                "cancelled",
                                                "unknown",
                                                "invalid_argument",
                                                "deadline_exceeded",
                                                "not_found",
                                                "already_exists",
                                                "permission_denied",
                                                "resource_exhausted",
                                                "failed_precondition",
                                                "aborted",
                                                "out_of_range",
                                                "unimplemented",
                                                "internal",
                                                "unavailable",
                                                "data_loss",
                                                "unauthenticated"};
  const auto index = std::size_t(code);
  return index < std::size(kNames) ? kNames[index] : "unknown";
}

}  // namespace serval::host
