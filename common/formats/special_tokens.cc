#include "common/formats/special_tokens.h"

#include <algorithm>

namespace serval {

SpecialTokens::SpecialTokens(const Vocabulary& vocabulary, std::initializer_list<TokenKind> kinds) {
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    if (std::find(kinds.begin(), kinds.end(), vocabulary.kind(id)) == kinds.end()) continue;
    if (vocabulary.bytes(id).empty()) continue;
    ids_.push_back(id);
    first_[uint8_t(vocabulary.bytes(id)[0])] = true;
  }
  std::stable_sort(ids_.begin(), ids_.end(),
                   [&](TokenId a, TokenId b) { return vocabulary.bytes(a) < vocabulary.bytes(b); });
}

SpecialTokens::Match SpecialTokens::find(const Vocabulary& vocabulary, std::string_view text,
                                         std::size_t from) const {
  for (; from < text.size(); ++from) {
    if (!first_[uint8_t(text[from])]) continue;
    // Narrows the sorted tokens byte by byte to those that agree with the text so far.
    auto low = ids_.begin(), high = ids_.end();
    Match found{from, 0, -1};
    for (std::size_t depth = 0; low != high; ++depth) {
      if (vocabulary.bytes(*low).size() == depth) found = {from, depth, *low};
      if (from + depth == text.size()) break;
      const auto byte_at = [&](TokenId id) {
        const std::string_view b = vocabulary.bytes(id);
        return depth < b.size() ? int(uint8_t(b[depth])) : -1;
      };
      const int want = uint8_t(text[from + depth]);
      low = std::partition_point(low, high, [&](TokenId id) { return byte_at(id) < want; });
      high = std::partition_point(low, high, [&](TokenId id) { return byte_at(id) <= want; });
    }
    if (found.length > 0) return found;
  }
  return {text.size(), 0, -1};
}

}  // namespace serval
