#include "common/formats/unicode_classes.h"

#include <cstring>
#include <iterator>

namespace serval {
namespace {

// code point << 5 | classes, ascending; a run lasts until the next begins.
constexpr uint32_t kRuns[] = {
#include "common/formats/unicode_runs.inc"
};

constexpr int pages_with_a_start() {
  int pages = 0;
  uint32_t last = ~0u;
  for (const uint32_t run : kRuns) {
    if (run >> 13 != last) ++pages;
    last = run >> 13;
  }
  return pages;
}

}  // namespace

const CharClasses& CharClasses::instance() {
  static const CharClasses classes;
  return classes;
}

CharClasses::CharClasses() {
  // Any other page is one class all over, and there are 32 unions of classes.
  static_assert(pages_with_a_start() + 32 <= kMaxDistinct);
  int kept = 0;
  std::size_t run = 0;
  for (int page = 0; page < kPages; ++page) {
    uint8_t bits[256];
    for (int i = 0; i < 256; ++i) {
      const uint32_t code = uint32_t(page) << 8 | uint32_t(i);
      while (run + 1 < std::size(kRuns) && kRuns[run + 1] >> 5 <= code) ++run;
      bits[i] = kRuns[run] & 31;
    }
    int same = 0;
    while (same < kept && std::memcmp(pages_[same], bits, sizeof(bits)) != 0) ++same;
    if (same == kept) std::memcpy(pages_[kept++], bits, sizeof(bits));
    page_[page] = uint8_t(same);
  }
}

}  // namespace serval
