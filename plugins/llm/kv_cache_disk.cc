// The KV cache's way to the disk and back.
#include <algorithm>

#include "plugins/llm/kv_cache.h"

namespace serval::llm {

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
    more = readable_ <= 0 && int(chain.size()) > begin;
  }
  // The last first, as in release.
  for (; !chain.empty(); chain.pop_back()) release(chain.back());
  return more;
}

// Reads the block behind those of the chain, if it is on the disk and there is room for it.
bool KvCache::bring_next(const Sequence& sequence, std::vector<int>& chain) {
  const int most = std::min(sequence.size(), sequence.reusable);
  const int end = int(chain.size() + 1) * kBlockTokens;
  if (end > most) return false;
  const Tokens tokens =
      Tokens(sequence.tokens).subspan(std::size_t(end - kBlockTokens), kBlockTokens);
  const int before = chain.empty() ? -1 : chain.back();
  const Keys keys = this->keys(sequence.space, before, tokens);
  if (!disk_->contains(keys.own)) return false;
  const int block = take();
  if (block < 0) return false;
  // The slot is needed for as long as it takes to fill it: of many blocks that come back the last
  // ones keep theirs.
  WindowSlots& windows = memory_.windows();
  if (!windows.use(block)) {
    pool_.release(block);
    return false;
  }
  windows.unuse(block);
  if (!disk_->read(keys.own, keys.before, tokens, image_)) {
    pool_.release(block);
    return false;
  }
  memory_.restore(block, image_);
  const PrefixIndex::Entered entered = index_.enter(sequence.space, before, block, tokens);
  if (entered.replaced >= 0) pool_.forget(entered.replaced);
  pool_.keep(block);
  keys_[std::size_t(block)] = keys;
  chain.push_back(block);
  return true;
}

}  // namespace serval::llm
