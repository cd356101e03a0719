// Checks of the plugin's own conduct. The host counts such mistakes too, but only here are they
// found at the line that makes them.
//
// SERVAL_SDK_CHECKS  0: none (default with NDEBUG)   1: log an error (default otherwise)
//                    2: log it and terminate, for a debugger or a fuzzer
// Set it for all files of a plugin alike.
#pragma once

#include <atomic>
#include <exception>
#include <serval/host.h>
#include <string_view>

#ifndef SERVAL_SDK_CHECKS
#ifdef NDEBUG
#define SERVAL_SDK_CHECKS 0
#else
#define SERVAL_SDK_CHECKS 1
#endif
#endif

namespace serval::sdk::detail {

inline void misuse(const serval_host* host, std::string_view what) {
  if constexpr (SERVAL_SDK_CHECKS > 0) {
    if (host != nullptr)
      host->log(host, SERVAL_LOG_ERROR, {what.data(), what.size()}, nullptr, 0, nullptr);
    if constexpr (SERVAL_SDK_CHECKS > 1) std::terminate();
  }
}

// Notices two threads inside calls of one object that allows only one.
class OneThread {
 public:
  class Inside {
   public:
    Inside(OneThread& guard, const serval_host* host) : guard_(guard) {
      if constexpr (SERVAL_SDK_CHECKS > 0)
        if (guard_.inside_.fetch_add(1, std::memory_order_relaxed) != 0)
          misuse(host, "SDK check: two threads use one request at the same time");
    }
    ~Inside() {
      if constexpr (SERVAL_SDK_CHECKS > 0) guard_.inside_.fetch_sub(1, std::memory_order_relaxed);
    }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    OneThread& guard_;
  };

  OneThread() = default;
  OneThread(const OneThread&) noexcept {}  // the guard belongs to the place, not to what moves in
  OneThread& operator=(const OneThread&) noexcept { return *this; }

 private:
  std::atomic<int> inside_{0};
};

}  // namespace serval::sdk::detail
