#include "common/tokenizers/pieces.h"

#include <algorithm>

namespace serval::tok {
namespace {

// Joins a part to the one before it where `joins(part, match before)` holds.
template <class Joins>
void join(std::vector<SplitPart>& parts, const Joins& joins) {
  std::size_t kept = 0;
  bool before = false;
  for (const SplitPart& part : parts) {
    const bool match = part.match;
    if (kept > 0 && joins(match, before))
      parts[kept - 1].end = part.end;
    else
      parts[kept++] = part;
    before = match;
  }
  parts.resize(kept);
}

}  // namespace

void apply_behavior(std::vector<SplitPart>& parts, SplitBehavior behavior) {
  switch (behavior) {
    case SplitBehavior::isolated:
      return;
    case SplitBehavior::removed:
      std::erase_if(parts, [](const SplitPart& part) { return part.match; });
      return;
    case SplitBehavior::contiguous:
      return join(parts, [](bool match, bool before) { return match == before; });
    case SplitBehavior::merged_with_previous:
      return join(parts, [](bool match, bool before) { return match && !before; });
    case SplitBehavior::merged_with_next: {
      // The same from the end: a match takes what is behind it, unless that is a match.
      std::vector<SplitPart> out;
      bool behind = false;
      for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
        if (part->match && !behind && !out.empty())
          out.back().begin = part->begin;
        else
          out.push_back(*part);
        behind = part->match;
      }
      std::reverse(out.begin(), out.end());
      parts = std::move(out);
      return;
    }
  }
}

}  // namespace serval::tok
