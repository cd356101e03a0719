// How fast a queue moves, for retry-after. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>

namespace serval::host {

class ServiceRate {
 public:
  // busy: there was work all the time since the last one ended, so the gap tells the speed.
  void ended(uint64_t now_ns, bool busy) {
    if (busy && last_ns_ != 0 && now_ns > last_ns_) {
      const double gap = double(now_ns - last_ns_);
      gap_ns_ = gap_ns_ == 0 ? gap : 0.9 * gap_ns_ + 0.1 * gap;
    }
    last_ns_ = now_ns;
  }

  // Milliseconds until `requests` more have ended; 100 to 60'000, 1'000 if nothing is known yet.
  uint32_t estimate_ms(uint64_t requests) const {
    if (gap_ns_ == 0) return 1000;
    return uint32_t(std::clamp(gap_ns_ * double(requests) / 1e6, 100.0, 60'000.0));
  }

 private:
  uint64_t last_ns_ = 0;
  double gap_ns_ = 0;  // smoothed time between two ends
};

}  // namespace serval::host
