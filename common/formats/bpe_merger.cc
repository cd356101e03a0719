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

Result<BpeMerger> BpeMerger::build(const Vocabulary& vocabulary,
                                   std::span<const std::string_view> merges) {
  if (merges.size() > std::size_t(std::numeric_limits<int32_t>::max()))
    return invalid("a list of " + std::to_string(merges.size()) + " merges is too long");
  BpeMerger out;
  out.seed_ = hash_seed();
  for (int byte = 0; byte < 256; ++byte) {
    const char c = char(byte);
    const TokenId id = vocabulary.find({&c, 1});
    const bool usable = id >= 0 && vocabulary.kind(id) == TokenKind::normal;
    out.byte_tokens_[std::size_t(byte)] = usable ? id : -1;
  }
  out.merges_.resize(std::bit_ceil(merges.size() * 2 + 1));
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
    const TokenId left = vocabulary.find(both.substr(0, cut));
    const TokenId right = vocabulary.find(both.substr(cut));
    const TokenId id = vocabulary.find(both);
    if (left < 0 || right < 0) return refused("joins something that is not a token");
    if (id < 0) return refused("makes something that is not a token");
    const uint64_t pair = pair_of(left, right);
    out.slot_of(pair) = {pair, uint32_t(rank), id};
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
  if (word.size() <= kShort)
    encode_short(word, out);
  else
    encode_long(word, scratch, out);
}

// The ranks of all pairs lie in a row; each turn takes the least and renews its two neighbours.
void BpeMerger::encode_short(std::string_view word, std::vector<TokenId>& out) const {
  TokenId ids[kShort];
  TokenId merged[kShort];  // merged[i]: what ids[i] and ids[i + 1] make
  uint32_t ranks[kShort];  // of that pair, or kNoMerge
  std::size_t count = 0;
  for (const char c : word)
    if (const TokenId id = byte_tokens_[uint8_t(c)]; id >= 0) ids[count++] = id;
  const auto rank_pair = [&](std::size_t i) {
    const Merge* merge = i + 1 < count ? find(ids[i], ids[i + 1]) : nullptr;
    ranks[i] = merge != nullptr ? merge->rank : kNoMerge;
    merged[i] = merge != nullptr ? merge->id : -1;
  };
  for (std::size_t i = 0; i < count; ++i) rank_pair(i);
  while (count > 1) {
    const std::size_t best = std::size_t(std::min_element(ranks, ranks + count) - ranks);
    if (ranks[best] == kNoMerge) break;
    ids[best] = merged[best];
    std::copy(ids + best + 2, ids + count, ids + best + 1);
    std::copy(ranks + best + 2, ranks + count, ranks + best + 1);
    std::copy(merged + best + 2, merged + count, merged + best + 1);
    --count;
    rank_pair(best);
    if (best > 0) rank_pair(best - 1);
  }
  out.insert(out.end(), ids, ids + count);
}

// A linked list of symbols and a heap of pairs. A pair whose symbols have changed since it was
// pushed is known by its ids and passed over.
void BpeMerger::encode_long(std::string_view word, Scratch& scratch,
                            std::vector<TokenId>& out) const {
  auto& symbols = scratch.symbols;
  auto& heap = scratch.heap;
  symbols.clear();
  heap.clear();
  for (const char c : word) {
    const TokenId id = byte_tokens_[uint8_t(c)];
    if (id < 0) continue;
    const auto index = int32_t(symbols.size());
    symbols.push_back({id, index - 1, index + 1});
  }
  if (symbols.empty()) return;
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
    left.after = right.after;
    right.id = -1;
    if (left.after >= 0) symbols[std::size_t(left.after)].before = top.left;
    for (const int32_t i : {left.before, top.left}) {
      if (!candidate(i, made)) continue;
      heap.push_back(made);
      std::push_heap(heap.begin(), heap.end(), is_worse);
    }
  }
  for (int32_t i = 0; i >= 0; i = symbols[std::size_t(i)].after)
    out.push_back(symbols[std::size_t(i)].id);
}

}  // namespace serval
