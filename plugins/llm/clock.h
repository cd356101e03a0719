// The time that deadlines and the length of steps are measured on. An argument wherever it is
// needed, so that tests can have a time of their own.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

namespace serval::llm {

// Nanoseconds since some fixed moment, never going back.
using Clock = std::function<uint64_t()>;

inline uint64_t steady_ns() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return uint64_t(std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
}

}  // namespace serval::llm
