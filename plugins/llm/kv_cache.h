// The KV cache as the scheduler sees it: sequences get blocks, computed blocks are shared and kept.
//
// A block enters the prefix index when all its tokens are computed, also while its sequence goes
// on, so that any other sequence with the same tokens before it can use it. The tail of a
// sequence, a block that is not full, enters when the prompt is computed and when the sequence
// lets go of its blocks; others copy the tokens they need of it, as its owner still writes behind
// them. A block that is full is never written again.
//
// A key or value depends on the tokens up to its own alone and comes out bitwise the same in any
// batch (model.h), so it makes no difference to a sequence who has computed it.
//
// Not thread-safe: the engine's thread only.
#pragma once

#include "plugins/llm/kv_memory.h"
#include "plugins/llm/prefix_index.h"
#include "plugins/llm/sequence.h"

namespace serval::llm {

struct KvCacheCounts {
  uint64_t prefix_hits = 0;    // sequences that found their beginning in the cache
  uint64_t prefix_tokens = 0;  // tokens they found
  uint64_t evictions = 0;      // blocks that left the cache for new ones
};

class KvCache {
 public:
  // memory outlives the cache.
  KvCache(int blocks, const KvMemory& memory) : pool_(blocks), index_(blocks), memory_(memory) {}

  int total() const { return pool_.total(); }
  // Blocks that sequences have, and blocks that are only kept.
  int used() const { return pool_.total() - available(); }
  int idle() const { return pool_.idle(); }
  const KvCacheCounts& counts() const { return counts_; }

  // Gives a sequence without blocks those for all its tokens. What the cache has of them counts as
  // computed; the last token never does, as its logits are wanted. False: there is no room;
  // nothing has changed.
  bool admit(Sequence& sequence);
  // Blocks for `tokens` tokens in all; false when there are no more.
  bool reserve(Sequence& sequence, int tokens);
  // More of the sequence's tokens are computed: others may use them from now on.
  void publish(Sequence& sequence);
  // `to` begins with the first `tokens` tokens of `from`, which are computed: full blocks are
  // shared, the rest is copied. False: there is no room; nothing has changed.
  bool fork(const Sequence& from, int tokens, Sequence& to);
  // The sequence lets go of its blocks. What is computed stays in the cache while there is room.
  void release(Sequence& sequence);

  // How many of the sequence's tokens admit would find now.
  int cached(const Sequence& sequence) const { return find(sequence).tokens(); }

 private:
  int available() const { return pool_.free() + pool_.idle(); }
  PrefixIndex::Match find(const Sequence& sequence) const;
  int take();
  void retain(int block);
  void release(int block);
  void enter_tail(Sequence& sequence);
  PrefixIndex::Entered enter(const Sequence& sequence, int at, int end);

  BlockPool pool_;
  PrefixIndex index_;
  const KvMemory& memory_;
  KvCacheCounts counts_;
};

}  // namespace serval::llm
