#include "plugins/llm/kv_cache.h"

#include <algorithm>
#include <unordered_map>

namespace serval::llm {

KvCache::KvCache(int blocks, KvMemory& memory, DiskTier* disk)
    : pool_(blocks),
      index_(blocks),
      memory_(memory),
      disk_(disk),
      keys_(disk != nullptr ? std::size_t(blocks) : 0),
      image_(disk != nullptr ? memory.image_bytes() : 0) {}

PrefixIndex::Match KvCache::find(const Sequence& sequence) const {
  const int most = std::clamp(sequence.reusable, 0, sequence.size() - 1);
  PrefixIndex::Match match =
      index_.match(sequence.space, Tokens(sequence.tokens).first(std::size_t(most)));
  shorten(match);
  return match;
}

// Cuts the match back to where the window before its end is whole.
void KvCache::shorten(PrefixIndex::Match& match) const {
  const WindowSlots& windows = memory_.windows();
  if (match.tail_tokens > 0 && !windows.has(match.tail)) match.tail_tokens = 0;
  for (int at = int(match.blocks.size()); at-- > windows.first_block(match.tokens());) {
    if (windows.has(match.blocks[std::size_t(at)])) continue;
    match.blocks.resize(std::size_t(at));
    match.tail_tokens = 0;
  }
  if (match.tail_tokens == 0) match.tail = -1;
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

bool KvCache::admit(Sequence& sequence, int count) {
  PrefixIndex::Match match = find(sequence);
  if (!fits(sequence, match, {})) return false;

  if (!take_over(sequence, match)) {
    match.tail_tokens = 0;
    shorten(match);
    take_over(sequence, match);
  }
  if (!allocate(sequence, sequence.size()) ||
      !open_window(sequence, blocks_for(std::min(sequence.size(), sequence.computed + count)))) {
    release(sequence);
    return false;
  }
  if (sequence.computed > 0) ++counts_.prefix_hits;
  counts_.prefix_tokens += uint64_t(sequence.computed);
  if (sequence.cached < 0) sequence.cached = sequence.computed;
  return true;
}

// The sequence begins with what was found. False, and it has no blocks: the tail found no room.
bool KvCache::take_over(Sequence& sequence, const PrefixIndex::Match& match) {
  for (const int block : match.blocks) retain(block);
  sequence.blocks = match.blocks;
  sequence.indexed = int(match.blocks.size());
  sequence.computed = match.tokens();
  sequence.window_begin = sequence.window_end = memory_.windows().first_block(sequence.computed);
  open_window(sequence, sequence.indexed);  // these have their slots
  if (match.tail_tokens == 0) return true;
  const int copy = copy_tail(match.tail);
  if (copy < 0) {
    sequence.computed = sequence.indexed * kBlockTokens;
    release(sequence);
    return false;
  }
  sequence.blocks.push_back(copy);
  ++sequence.window_end;
  return true;
}

// A block of the caller's own, and in use, with what the tail holds; -1: there is no room.
int KvCache::copy_tail(int tail) {
  retain(tail);  // or it might be the one that is evicted
  memory_.windows().use(tail);
  int copy = take();
  if (copy >= 0 && !memory_.windows().use(copy)) {
    release(copy);
    copy = -1;
  }
  if (copy >= 0) memory_.copy(tail, copy);
  memory_.windows().unuse(tail);
  release(tail);
  return copy;
}

bool KvCache::reserve(Sequence& sequence, int tokens) {
  return allocate(sequence, tokens) && open_window(sequence, blocks_for(tokens));
}

bool KvCache::allocate(Sequence& sequence, int tokens) {
  const std::size_t want = std::size_t(blocks_for(tokens));
  while (sequence.blocks.size() < want) {
    const int block = take();
    if (block < 0) return false;
    sequence.blocks.push_back(block);
  }
  return true;
}

// The sequence needs the slots of its first `blocks` blocks, but for those it is past.
bool KvCache::open_window(Sequence& sequence, int blocks) {
  for (; sequence.window_end < blocks; ++sequence.window_end)
    if (!memory_.windows().use(sequence.blocks[std::size_t(sequence.window_end)])) return false;
  return true;
}

// It does not need those of its first `blocks` blocks any more.
void KvCache::pass_window(Sequence& sequence, int blocks) {
  for (; sequence.window_begin < std::min(blocks, sequence.window_end); ++sequence.window_begin)
    memory_.windows().unuse(sequence.blocks[std::size_t(sequence.window_begin)]);
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
    // Another sequence was first. Both blocks hold the same; one is enough. What was computed last
    // is within the window.
    memory_.windows().unuse(own);
    memory_.windows().move(own, other);
    memory_.windows().use(other);
    retain(other);
    release(own);
    own = other;
  }
  pass_window(sequence, memory_.windows().first_block(sequence.computed));
  if (sequence.computed >= sequence.prompt_size && !sequence.tail_entered) enter_tail(sequence);
}

void KvCache::enter_tail(Sequence& sequence) {
  sequence.tail_entered = true;
  if (sequence.computed > sequence.indexed * kBlockTokens)
    enter(sequence, sequence.indexed, sequence.computed);
}

bool KvCache::fork(const Sequence& from, int tokens, Sequence& to) {
  if (int(from.blocks.size()) < blocks_for(tokens)) return false;
  PrefixIndex::Match match;
  const int full = tokens / kBlockTokens;
  match.blocks.assign(from.blocks.begin(), from.blocks.begin() + full);
  match.tail_tokens = tokens % kBlockTokens;
  if (match.tail_tokens > 0) match.tail = from.blocks[std::size_t(full)];
  shorten(match);
  return match.tokens() == tokens && take_over(to, match);
}

void KvCache::release(Sequence& sequence) {
  enter_tail(sequence);
  pass_window(sequence, sequence.window_end);
  // The last first: of what is idle, it is evicted first.
  while (!sequence.blocks.empty()) {
    release(sequence.blocks.back());
    sequence.blocks.pop_back();
  }
  sequence.computed = sequence.indexed = sequence.window_begin = sequence.window_end = 0;
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
