// The KV cache's way to the disk and back.
#include <algorithm>

#include "plugins/llm/kv_cache.h"

namespace serval::llm {
namespace {

// The tokens of the block behind those of the chain. REQUIRES: the sequence has so many.
Tokens next_tokens(const Sequence& sequence, const std::vector<int>& chain) {
  return Tokens(sequence.tokens).subspan(chain.size() * kBlockTokens, kBlockTokens);
}

}  // namespace

KvCache::~KvCache() {
  for (const int block : index_.idle()) write_out(block, true);
}

KvCache::Keys KvCache::keys(const std::string& space, int before, Tokens tokens) const {
  const BlockKey start =
      before >= 0 ? keys_[std::size_t(before)].own : space_key(disk_->fingerprint(), space);
  return {block_key(start, tokens), start};
}

void KvCache::write_out(int block, bool wait) {
  const Tokens tokens = index_.tokens(block);
  if (disk_ == nullptr || int(tokens.size()) != kBlockTokens) return;
  if (!memory_.windows().has(block)) return;  // it is not whole
  const Keys& keys = keys_[std::size_t(block)];
  memory_.save(block, image_);
  disk_->write(keys.own, keys.before, tokens, image_, wait);
}

bool KvCache::bring_back(const Sequence& sequence) {
  if (disk_ == nullptr) return false;
  std::vector<int> chain = index_.match(sequence.space, sequence.tokens).blocks;
  const int begin = int(chain.size());
  for (const int block : chain) retain(block);  // what comes must not push them out
  bool more = false;
  // Only into room that the sequence could be given right away.
  if (blocks_for(sequence.size()) - begin <= available()) {
    while (readable_ > 0 && bring_next(sequence, chain)) readable_ -= int64_t(disk_->block_bytes());
    more = readable_ <= 0 && next_on_disk(sequence, chain);
  }
  // The last first, as in release.
  for (; !chain.empty(); chain.pop_back()) release(chain.back());
  return more;
}

// The keys of the block behind those of the chain, if it is on the disk.
std::optional<KvCache::Keys> KvCache::next_on_disk(const Sequence& sequence,
                                                   const std::vector<int>& chain) const {
  const int most = std::min(sequence.size(), sequence.reusable);
  const int end = int(chain.size() + 1) * kBlockTokens;
  if (end > most) return std::nullopt;
  const Keys found =
      keys(sequence.space, chain.empty() ? -1 : chain.back(), next_tokens(sequence, chain));
  if (!disk_->contains(found.own)) return std::nullopt;
  return found;
}

// Reads that block, if there is room for it.
bool KvCache::bring_next(const Sequence& sequence, std::vector<int>& chain) {
  const std::optional<Keys> found = next_on_disk(sequence, chain);
  if (!found) return false;
  const int block = take();
  if (block < 0) return false;
  const Tokens tokens = next_tokens(sequence, chain);
  // The slot is needed for as long as it takes to fill it: of many blocks that come back the last
  // ones keep theirs.
  WindowSlots& windows = memory_.windows();
  if (!windows.use(block)) {
    pool_.release(block);
    return false;
  }
  windows.unuse(block);
  if (!disk_->read(found->own, found->before, tokens, image_)) {
    pool_.release(block);
    return false;
  }
  memory_.restore(block, image_);
  const int before = chain.empty() ? -1 : chain.back();
  const PrefixIndex::Entered entered = index_.enter(sequence.space, before, block, tokens);
  if (entered.replaced >= 0) pool_.forget(entered.replaced);
  pool_.keep(block);
  keys_[std::size_t(block)] = *found;
  chain.push_back(block);
  return true;
}

}  // namespace serval::llm
