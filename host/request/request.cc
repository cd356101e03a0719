#include "host/request/request.h"

#include <time.h>

namespace serval::host {

std::string_view cancel_reason_name(CancelReason reason) {
  switch (reason) {
    case CancelReason::none:
      return "none";
    case CancelReason::client:
      return "client";
    case CancelReason::deadline:
      return "deadline";
    case CancelReason::slow_client:
      return "slow_client";
    case CancelReason::shutdown:
      return "shutdown";
    case CancelReason::admin:
      return "admin";
    case CancelReason::memory:
      return "memory";
  }
  return "unknown";
}

uint64_t Request::bytes() const {
  uint64_t bytes = params_json.size();
  for (const std::string& input : inputs) bytes += input.size();
  return upload ? bytes + upload->view().bytes.size() : bytes;
}

uint64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return uint64_t(now.tv_sec) * 1'000'000'000u + uint64_t(now.tv_nsec);
}

}  // namespace serval::host
