#include "common/formats/unicode_classes.h"

#include <algorithm>
#include <iterator>

namespace serval {
namespace {

constexpr int kClassBits = 9;

// code point << kClassBits | classes, ascending; a run lasts until the next begins.
constexpr uint32_t kRuns[] = {
#include "common/formats/unicode_runs.inc"
};

}  // namespace

const CharClasses& CharClasses::instance() {
  static const CharClasses classes;
  return classes;
}

CharClasses::CharClasses() {
  std::size_t run = 0;
  for (int page = 0; page < kPages; ++page) {
    std::array<uint16_t, 256> bits;
    for (int i = 0; i < 256; ++i) {
      const uint32_t code = uint32_t(page) << 8 | uint32_t(i);
      while (run + 1 < std::size(kRuns) && kRuns[run + 1] >> kClassBits <= code) ++run;
      bits[std::size_t(i)] = kRuns[run] & ((1 << kClassBits) - 1);
    }
    const auto same = std::find(pages_.begin(), pages_.end(), bits);
    page_[page] = uint16_t(same - pages_.begin());
    if (same == pages_.end()) pages_.push_back(bits);
  }
}

}  // namespace serval
