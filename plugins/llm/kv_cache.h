// The KV cache as the scheduler sees it: sequences get blocks, computed blocks are shared and kept.
//
// A block enters the prefix index when all its tokens are computed, also while its sequence goes
// on, so that any other sequence with the same tokens before it can use it. The tail of a
// sequence, a block that is not full, enters when the prompt is computed and when the sequence
// lets go of its blocks; others copy the tokens they need of it, as its owner still writes behind
// them. A block that is full is never written again.
//
// A key or value depends on the tokens up to its own alone and comes out bitwise the same in any
// batch (language_model.h), so it makes no difference to a sequence who has computed it.
//
// With a disk tier full blocks go there when they are evicted, and at the end; what a new sequence
// could use of it is brought back before it is admitted.
//
// What layers with a window keep of a block may be gone (window_slots.h): a sequence goes on from a
// token only where the window before it is still there.
//
// Not thread-safe: the engine's thread only.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "plugins/llm/kv_disk/tier.h"
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
  // Memory for the bookkeeping of one block, about: in pool, index and trees.
  static constexpr std::size_t kBookkeepingBytes = 320;

  // memory and disk (null: none) outlive the cache.
  KvCache(int blocks, KvMemory& memory, DiskTier* disk = nullptr);
  // What is cached goes to the disk.
  ~KvCache();
  KvCache(const KvCache&) = delete;
  KvCache& operator=(const KvCache&) = delete;

  int total() const { return pool_.total(); }
  // Blocks that sequences have, and blocks that are only kept.
  int used() const { return pool_.total() - available(); }
  int idle() const { return pool_.idle(); }
  const KvCacheCounts& counts() const { return counts_; }

  // Gives a sequence without blocks those for all its tokens. What the cache has of them counts as
  // computed; the last token never does, as its logits are wanted. The next `count` tokens can be
  // computed. False: there is no room; the sequence has no blocks.
  bool admit(Sequence& sequence, int count);
  // Whether there are blocks enough for admit, if the sequences of `leaving` had let go of theirs.
  bool fits(const Sequence& sequence, std::span<Sequence* const> leaving = {}) const;
  // Blocks for `tokens` tokens in all, so that they can be computed; false when there are no more.
  bool reserve(Sequence& sequence, int tokens);
  // More of the sequence's tokens are computed: others may use them from now on.
  void publish(Sequence& sequence);
  // `to` begins with the first `tokens` tokens of `from`, which are computed: full blocks are
  // shared, the rest is copied. False: there is no room; nothing has changed.
  bool fork(const Sequence& from, int tokens, Sequence& to);
  // The sequence lets go of its blocks. What is computed stays in the cache while there is room.
  void release(Sequence& sequence);

  // A new step begins, however often it is planned: so much may be read from the disk until the
  // next one.
  void begin_step() { readable_ = kReadBytesAStep; }
  // Brings what the sequence could use from the disk back into memory. True: there is more, and the
  // sequence should not be admitted before another step has asked again.
  bool bring_back(const Sequence& sequence);

  // How many of the sequence's tokens admit would find now.
  int cached(const Sequence& sequence) const { return find(sequence).tokens(); }

 private:
  static constexpr int64_t kReadBytesAStep = 8 << 20;  // some 10 ms

  // A block's keys on the disk.
  struct Keys {
    BlockKey own{}, before{};
  };

  int available() const { return pool_.free() + pool_.idle(); }
  PrefixIndex::Match find(const Sequence& sequence) const;
  bool fits(const Sequence& sequence, const PrefixIndex::Match& match,
            std::span<Sequence* const> leaving) const;
  void shorten(PrefixIndex::Match& match) const;
  bool allocate(Sequence& sequence, int tokens);
  bool open_window(Sequence& sequence, int blocks);
  void pass_window(Sequence& sequence, int blocks);
  bool take_over(Sequence& sequence, const PrefixIndex::Match& match);
  int copy_tail(int tail);
  int take();
  void retain(int block);
  void release(int block);
  void enter_tail(Sequence& sequence);
  PrefixIndex::Entered enter(const Sequence& sequence, int at, int end);
  Keys keys(const std::string& space, int before, Tokens tokens) const;
  std::optional<Keys> next_on_disk(const Sequence& sequence, const std::vector<int>& chain) const;
  bool bring_next(const Sequence& sequence, std::vector<int>& chain);
  void write_out(int block, bool wait);

  BlockPool pool_;
  PrefixIndex index_;
  KvMemory& memory_;
  DiskTier* const disk_;
  std::vector<Keys> keys_;        // by block; of full ones in the index, with a disk
  std::vector<std::byte> image_;  // of one block, on its way
  int64_t readable_ = kReadBytesAStep;
  KvCacheCounts counts_;
};

}  // namespace serval::llm
