// A plugin inside the test program, written against the C ABI alone.
#pragma once

#include <atomic>
#include <cstdint>

#include "serval/plugin.h"

namespace serval::fakes {

// What all fake models of this program do; a test sets it before it loads.
struct FakeSwitches {
  std::atomic<bool> hang{false};       // the loop neither steps nor beats
  std::atomic<bool> hold_open{false};  // model_open goes on until this falls or it is cancelled
  std::atomic<bool> fail_open{false};
  std::atomic<bool> fail_start{false};
  std::atomic<bool> throw_in_open{false};
  std::atomic<uint32_t> health{SERVAL_HEALTH_OK};
  std::atomic<uint64_t> load_peak{1 << 20};
  std::atomic<uint32_t> step_us{0};  // the loop sleeps so long after each step

  // What has happened so far.
  std::atomic<uint64_t> opened{0}, closed{0}, cancels_signalled{0}, created{0}, destroyed{0};
  std::atomic<uint64_t> started{0};
};
FakeSwitches& switches();
void reset_switches();

// Models answer `fake` requests with {"events": n, "bytes": b}: n text events of b bytes. The first
// character of each is '0' + the load number of the model modulo 10. It takes paths that begin with
// "/fake"; the other one, "org.serval.test.other", those that begin with "/other" or "/both", which
// the first takes, too. [model.config] knows "slots" (1 to 1024, default 64): most running at once.
extern const serval_entry kFakeEntry;
extern const serval_entry kOtherEntry;

}  // namespace serval::fakes
