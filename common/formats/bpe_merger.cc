#include "common/formats/bpe_merger.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <string>

#include "common/formats/seeded_hash.h"

namespace serval {
namespace {

constexpr uint32_t kNoMerge = std::numeric_limits<uint32_t>::max();

uint64_t pair_of(TokenId left, TokenId right) {
  return uint64_t(uint32_t(left)) << 32 | uint32_t(right);
}

// Heap order: the best rank on top, of equal ones the leftmost.
bool is_worse(const BpeMerger::Scratch::Candidate& a, const BpeMerger::Scratch::Candidate& b) {
  return a.rank != b.rank ? a.rank > b.rank : a.left > b.left;
}

}  // namespace

BpeMerger::BpeMerger(std::span<const Rule> rules) : seed_(hash_seed()) {
  byte_tokens_.fill(-1);
  merges_.resize(std::bit_ceil(rules.size() * 2 + 1));
  for (std::size_t rank = 0; rank < rules.size(); ++rank) {
    const uint64_t pair = pair_of(rules[rank].left, rules[rank].right);
    slot_of(pair) = {pair, uint32_t(rank), rules[rank].id};
  }
}

Result<BpeMerger> BpeMerger::build(const Vocabulary& vocabulary,
                                   std::span<const std::string_view> merges) {
  if (merges.size() > std::size_t(std::numeric_limits<int32_t>::max()))
    return invalid("a list of " + std::to_string(merges.size()) + " merges is too long");
  std::vector<Rule> rules(merges.size());
  std::string joined;
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const auto refused = [&](const char* why) {
      return invalid("merge " + std::to_string(rank) + " " + why);
    };
    const std::string_view text = merges[rank];
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos || space == 0 || space + 1 == text.size())
      return refused("is not two tokens with a space between");
    joined.clear();
    if (!append_bytes_of_alphabet(text.substr(0, space), joined))
      return refused("has characters outside the byte alphabet");
    const std::size_t cut = joined.size();
    if (!append_bytes_of_alphabet(text.substr(space + 1), joined))
      return refused("has characters outside the byte alphabet");
    const std::string_view both = joined;
    rules[rank] = {vocabulary.find(both.substr(0, cut)), vocabulary.find(both.substr(cut)),
                   vocabulary.find(both)};
    if (rules[rank].left < 0 || rules[rank].right < 0)
      return refused("joins something that is not a token");
    if (rules[rank].id < 0) return refused("makes something that is not a token");
  }
  BpeMerger out(rules);
  for (int byte = 0; byte < 256; ++byte) {
    const char c = char(byte);
    const TokenId id = vocabulary.find({&c, 1});
    const bool usable = id >= 0 && vocabulary.kind(id) == TokenKind::normal;
    out.byte_tokens_[std::size_t(byte)] = usable ? id : -1;
  }
  return out;
}

BpeMerger::Merge& BpeMerger::slot_of(uint64_t pair) {
  const std::size_t mask = merges_.size() - 1;
  std::size_t slot = seeded_hash(pair, seed_) & mask;
  while (merges_[slot].id >= 0 && merges_[slot].pair != pair) slot = (slot + 1) & mask;
  return merges_[slot];
}

const BpeMerger::Merge* BpeMerger::find(TokenId left, TokenId right) const {
  const uint64_t pair = pair_of(left, right);
  const std::size_t mask = merges_.size() - 1;
  std::size_t slot = seeded_hash(pair, seed_) & mask;
  while (merges_[slot].id >= 0) {
    if (merges_[slot].pair == pair) return &merges_[slot];
    slot = (slot + 1) & mask;
  }
  return nullptr;
}

void BpeMerger::encode(std::string_view word, Scratch& scratch, std::vector<TokenId>& out) const {
  scratch.parts.clear();
  for (const char c : word)
    if (const TokenId id = byte_tokens_[uint8_t(c)]; id >= 0) scratch.parts.push_back({id, 1});
  merge(scratch.parts, scratch);
  for (const Part& part : scratch.parts) out.push_back(part.id);
}

void BpeMerger::merge(std::vector<Part>& word, Scratch& scratch) const {
  if (word.size() <= kShort)
    merge_short(word);
  else
    merge_long(word, scratch);
}

// The ranks of all pairs lie in a row; each turn takes the least and renews its two neighbours.
void BpeMerger::merge_short(std::vector<Part>& word) const {
  Part* const parts = word.data();
  TokenId merged[kShort];  // merged[i]: what parts[i] and parts[i + 1] make
  uint32_t ranks[kShort];  // of that pair, or kNoMerge
  std::size_t count = word.size();
  const auto rank_pair = [&](std::size_t i) {
    const Merge* merge = i + 1 < count ? find(parts[i].id, parts[i + 1].id) : nullptr;
    ranks[i] = merge != nullptr ? merge->rank : kNoMerge;
    merged[i] = merge != nullptr ? merge->id : -1;
  };
  for (std::size_t i = 0; i < count; ++i) rank_pair(i);
  while (count > 1) {
    const std::size_t best = std::size_t(std::min_element(ranks, ranks + count) - ranks);
    if (ranks[best] == kNoMerge) break;
    parts[best] = {merged[best], parts[best].size + parts[best + 1].size};
    std::copy(parts + best + 2, parts + count, parts + best + 1);
    std::copy(ranks + best + 2, ranks + count, ranks + best + 1);
    std::copy(merged + best + 2, merged + count, merged + best + 1);
    --count;
    rank_pair(best);
    if (best > 0) rank_pair(best - 1);
  }
  word.resize(count);
}

// A linked list of symbols and a heap of pairs. A pair whose symbols have changed since it was
// pushed is known by its ids and passed over.
void BpeMerger::merge_long(std::vector<Part>& word, Scratch& scratch) const {
  auto& symbols = scratch.symbols;
  auto& heap = scratch.heap;
  symbols.clear();
  heap.clear();
  for (const Part& part : word) {
    const auto index = int32_t(symbols.size());
    symbols.push_back({part.id, part.size, index - 1, index + 1});
  }
  symbols.back().after = -1;
  const auto candidate = [&](int32_t left, Scratch::Candidate& made) {
    if (left < 0 || symbols[std::size_t(left)].after < 0) return false;
    const Scratch::Symbol& symbol = symbols[std::size_t(left)];
    const Merge* merge = find(symbol.id, symbols[std::size_t(symbol.after)].id);
    if (merge == nullptr) return false;
    made = {merge->rank, left, merge->id};
    return true;
  };
  Scratch::Candidate made{};
  for (int32_t i = 0; i < int32_t(symbols.size()); ++i)
    if (candidate(i, made)) heap.push_back(made);
  std::make_heap(heap.begin(), heap.end(), is_worse);
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), is_worse);
    const Scratch::Candidate top = heap.back();
    heap.pop_back();
    // Still the same pair? Ask the table again: equal rank means equal ids.
    if (symbols[std::size_t(top.left)].id < 0 || !candidate(top.left, made) ||
        made.rank != top.rank)
      continue;
    Scratch::Symbol& left = symbols[std::size_t(top.left)];
    Scratch::Symbol& right = symbols[std::size_t(left.after)];
    left.id = top.id;
    left.size += right.size;
    left.after = right.after;
    right.id = -1;
    if (left.after >= 0) symbols[std::size_t(left.after)].before = top.left;
    for (const int32_t i : {left.before, top.left}) {
      if (!candidate(i, made)) continue;
      heap.push_back(made);
      std::push_heap(heap.begin(), heap.end(), is_worse);
    }
  }
  word.clear();
  for (int32_t i = 0; i >= 0; i = symbols[std::size_t(i)].after)
    word.push_back({symbols[std::size_t(i)].id, symbols[std::size_t(i)].size});
}

}  // namespace serval
