#include "common/formats/unicode_classes.h"

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

CharClasses::CharClasses() : pages_(kRuns, kClassBits) {}

}  // namespace serval
