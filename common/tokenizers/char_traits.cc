#include "common/tokenizers/char_traits.h"

#include <algorithm>
#include <iterator>

namespace serval::tok {
namespace {

constexpr int kTraitBits = 10;

// Every `stride`-th code from `first` to `last` has the lower case `shift` further on.
struct LowerRun {
  int32_t first, last, stride, shift;
};

#include "common/tokenizers/char_runs.inc"

}  // namespace

const CharTraits& CharTraits::instance() {
  static const CharTraits traits;
  return traits;
}

CharTraits::CharTraits() : pages_(kTraitRuns, kTraitBits) {}

std::array<char32_t, 2> lower_case(char32_t code) {
  if (code < 0x80) return {code >= 'A' && code <= 'Z' ? code + 32 : code, 0};
  for (const auto& pair : kLowerPairs)
    if (pair[0] == code) return {pair[1], pair[2]};
  const auto run = std::upper_bound(std::begin(kLowerRuns), std::end(kLowerRuns), int32_t(code),
                                    [](int32_t c, const LowerRun& r) { return c < r.first; });
  if (run == std::begin(kLowerRuns)) return {code, 0};
  const LowerRun& found = *(run - 1);
  const bool inside =
      int32_t(code) <= found.last && (int32_t(code) - found.first) % found.stride == 0;
  return {inside ? char32_t(int32_t(code) + found.shift) : code, 0};
}

}  // namespace serval::tok
