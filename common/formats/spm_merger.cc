#include "common/formats/spm_merger.h"

#include <algorithm>

#include "common/utf8.h"

namespace serval {
namespace {

// Heap order: the highest score on top, of equal ones the leftmost.
bool is_worse(const SpmMerger::Scratch::Candidate& a, const SpmMerger::Scratch::Candidate& b) {
  return a.score != b.score ? a.score < b.score : a.left > b.left;
}

}  // namespace

SpmMerger::SpmMerger(const Vocabulary& vocabulary, std::vector<float> scores)
    : vocabulary_(&vocabulary), scores_(std::move(scores)) {
  for (TokenId id = 0; id < vocabulary.size(); ++id)
    if (vocabulary.kind(id) == TokenKind::normal)
      longest_ = std::max(longest_, vocabulary.bytes(id).size());
}

std::size_t SpmMerger::size_of(std::string_view text, const Scratch& scratch, int32_t symbol) {
  const Scratch::Symbol& s = scratch.symbols[std::size_t(symbol)];
  return (s.after >= 0 ? scratch.symbols[std::size_t(s.after)].start : text.size()) - s.start;
}

// A linked list of symbols and a heap of pairs. A pair of which either side has been merged since
// it was pushed is known by its size and passed over.
void SpmMerger::merge(std::string_view text, Scratch& scratch) const {
  auto& symbols = scratch.symbols;
  auto& heap = scratch.heap;
  symbols.clear();
  heap.clear();
  for (std::size_t at = 0; at < text.size(); at += next_utf8(text.substr(at)).length) {
    const auto index = int32_t(symbols.size());
    symbols.push_back({index - 1, index + 1, uint32_t(at)});
  }
  symbols.back().after = kNone;
  const auto pair_size = [&](int32_t left) {
    return size_of(text, scratch, left) + size_of(text, scratch, symbols[std::size_t(left)].after);
  };
  // false: the symbol and the one behind it make no token.
  const auto propose = [&](int32_t left) {
    if (left < 0 || symbols[std::size_t(left)].after < 0) return false;
    const std::size_t size = pair_size(left);
    const TokenId id = find(text.substr(symbols[std::size_t(left)].start, size));
    if (id < 0) return false;
    heap.push_back({scores_[std::size_t(id)], left, uint32_t(size)});
    return true;
  };
  for (int32_t i = 0; i < int32_t(symbols.size()); ++i) propose(i);
  std::make_heap(heap.begin(), heap.end(), is_worse);
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), is_worse);
    const Scratch::Candidate top = heap.back();
    heap.pop_back();
    Scratch::Symbol& left = symbols[std::size_t(top.left)];
    if (left.after < 0 || pair_size(top.left) != top.size) continue;
    Scratch::Symbol& right = symbols[std::size_t(left.after)];
    left.after = right.after;
    right.after = kGone;
    if (left.after >= 0) symbols[std::size_t(left.after)].before = top.left;
    for (const int32_t i : {left.before, top.left})
      if (propose(i)) std::push_heap(heap.begin(), heap.end(), is_worse);
  }
}

}  // namespace serval
