#include "plugins/llm/kv_cache.h"

#include <algorithm>
#include <unordered_map>

namespace serval::llm {

KvCache::KvCache(int blocks, const KvMemory& memory, DiskTier* disk)
    : pool_(blocks),
      index_(blocks),
      memory_(memory),
      disk_(disk),
      keys_(disk != nullptr ? std::size_t(blocks) : 0) {}

PrefixIndex::Match KvCache::find(const Sequence& sequence) const {
  const int most = std::clamp(sequence.reusable, 0, sequence.size() - 1);
  return index_.match(sequence.space, Tokens(sequence.tokens).first(std::size_t(most)));
}

bool KvCache::fits(const Sequence& sequence, const PrefixIndex::Match& match,
                   std::span<Sequence* const> leaving) const {
  std::unordered_map<int, int> let_go;  // references, by block
  int room = available();
  for (const Sequence* other : leaving)
    for (const int block : other->blocks)
      if (++let_go[block] == pool_.references(block)) ++room;
  // A block that nobody has counts as room, but not for a sequence that begins with it.
  for (const int block : match.blocks) {
    const auto gone = let_go.find(block);
    if (pool_.references(block) == (gone != let_go.end() ? gone->second : 0)) --room;
  }
  return blocks_for(sequence.size()) - int(match.blocks.size()) <= room;
}

bool KvCache::fits(const Sequence& sequence, std::span<Sequence* const> leaving) const {
  return fits(sequence, find(sequence), leaving);
}

bool KvCache::admit(Sequence& sequence) {
  const PrefixIndex::Match match = find(sequence);
  if (!fits(sequence, match, {})) return false;

  for (const int block : match.blocks) retain(block);
  sequence.blocks = match.blocks;
  sequence.indexed = int(match.blocks.size());
  sequence.computed = match.tokens();
  if (match.tail_tokens > 0) {
    retain(match.tail);  // or it might be the one that is evicted
    const int copy = take();
    if (copy >= 0) {
      memory_.copy(match.tail, copy);
      sequence.blocks.push_back(copy);
    } else {
      sequence.computed -= match.tail_tokens;
    }
    release(match.tail);
  }
  reserve(sequence, sequence.size());
  if (sequence.computed > 0) ++counts_.prefix_hits;
  counts_.prefix_tokens += uint64_t(sequence.computed);
  if (sequence.cached < 0) sequence.cached = sequence.computed;
  return true;
}

bool KvCache::reserve(Sequence& sequence, int tokens) {
  const std::size_t want = std::size_t(blocks_for(tokens));
  while (sequence.blocks.size() < want) {
    const int block = take();
    if (block < 0) return false;
    sequence.blocks.push_back(block);
  }
  return true;
}

// Enters tokens [at * kBlockTokens, end) of the sequence with the block they are in.
PrefixIndex::Entered KvCache::enter(const Sequence& sequence, int at, int end) {
  const int begin = at * kBlockTokens;
  const int before = at > 0 ? sequence.blocks[std::size_t(at - 1)] : -1;
  const int own = sequence.blocks[std::size_t(at)];
  const Tokens tokens =
      Tokens(sequence.tokens).subspan(std::size_t(begin), std::size_t(end - begin));
  const PrefixIndex::Entered entered = index_.enter(sequence.space, before, own, tokens);
  if (entered.replaced >= 0 && entered.replaced != own) pool_.forget(entered.replaced);
  if (entered.block == own) {
    pool_.keep(own);
    if (disk_ != nullptr && end - begin == kBlockTokens)
      keys_[std::size_t(own)] = keys(sequence.space, before, tokens);
  }
  return entered;
}

void KvCache::publish(Sequence& sequence) {
  for (; (sequence.indexed + 1) * kBlockTokens <= sequence.computed; ++sequence.indexed) {
    const int at = sequence.indexed;
    int& own = sequence.blocks[std::size_t(at)];
    const int other = enter(sequence, at, (at + 1) * kBlockTokens).block;
    if (other == own) continue;
    // Another sequence was first. Both blocks hold the same; one is enough.
    retain(other);
    release(own);
    own = other;
  }
  if (sequence.computed >= sequence.prompt_size && !sequence.tail_entered) enter_tail(sequence);
}

void KvCache::enter_tail(Sequence& sequence) {
  sequence.tail_entered = true;
  if (sequence.computed > sequence.indexed * kBlockTokens)
    enter(sequence, sequence.indexed, sequence.computed);
}

bool KvCache::fork(const Sequence& from, int tokens, Sequence& to) {
  if (int(from.blocks.size()) < blocks_for(tokens)) return false;
  const int full = tokens / kBlockTokens;
  int tail = -1;
  if (tokens % kBlockTokens != 0) {
    tail = take();
    if (tail < 0) return false;
    memory_.copy(from.blocks[std::size_t(full)], tail);
  }
  to.blocks.assign(from.blocks.begin(), from.blocks.begin() + full);
  for (const int block : to.blocks) retain(block);
  if (tail >= 0) to.blocks.push_back(tail);
  to.indexed = full;
  to.computed = tokens;
  return true;
}

void KvCache::release(Sequence& sequence) {
  enter_tail(sequence);
  // The last first: of what is idle, it is evicted first.
  while (!sequence.blocks.empty()) {
    release(sequence.blocks.back());
    sequence.blocks.pop_back();
  }
  sequence.computed = sequence.indexed = 0;
  sequence.tail_entered = false;
}

// A block for a sequence to write; what was idle for longest is evicted for it. -1: there is none.
int KvCache::take() {
  if (pool_.free() == 0) {
    const int oldest = index_.oldest_idle_leaf();
    if (oldest < 0) return -1;
    write_out(oldest, false);
    index_.remove(oldest);
    pool_.forget(oldest);
    ++counts_.evictions;
  }
  return pool_.take();
}

void KvCache::retain(int block) {
  if (pool_.references(block) == 0) index_.now_used(block);
  pool_.retain(block);
}

void KvCache::release(int block) {
  if (pool_.release(block)) index_.now_idle(block);
}

}  // namespace serval::llm
