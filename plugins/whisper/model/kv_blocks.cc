#include "plugins/whisper/model/kv_blocks.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace serval::whisper {

Result<std::unique_ptr<KvBlocks>> KvBlocks::allocate(const SpeechShape& shape, KvType type,
                                                     int count) {
  Result<AlignedMemory> memory =
      AlignedMemory::allocate(block_bytes(shape, type) * std::size_t(count));
  if (!memory) return memory.error();
  return std::unique_ptr<KvBlocks>(new KvBlocks(std::move(*memory), shape, type, count));
}

KvBlocks::KvBlocks(AlignedMemory memory, const SpeechShape& shape, KvType type, int count)
    : memory_(std::move(memory)),
      type_(type),
      layers_(shape.decoder_layers),
      layer_bytes_(kv_block_bytes(type, shape.heads, shape.head_dim())),
      block_bytes_(block_bytes(shape, type)),
      users_(std::size_t(count), 0) {
  for (int i = count; i-- > 0;) free_.push_back(i);
}

int KvBlocks::take() {
  const int block = free_.back();
  free_.pop_back();
  users_[std::size_t(block)] = 1;
  return block;
}

void KvBlocks::release(int block) {
  if (--users_[std::size_t(block)] == 0) free_.push_back(block);
}

void KvBlocks::copy(int from, int to) const { std::memcpy(at(to, 0), at(from, 0), block_bytes_); }

KvTable& KvTable::operator=(KvTable&& other) noexcept {
  if (this == &other) return *this;
  clear();
  pool_ = std::exchange(other.pool_, nullptr);
  owned_ = std::move(other.owned_);
  pointers_ = std::move(other.pointers_);
  most_ = std::exchange(other.most_, 0);
  length_ = std::exchange(other.length_, 0);
  other.owned_.clear();
  return *this;
}

bool KvTable::extend(KvBlocks& pool, int length, int most) {
  if (pool_ == nullptr) {
    pool_ = &pool;
    most_ = blocks_of(most);
    pointers_.assign(std::size_t(pool.layers()) * std::size_t(most_), nullptr);
  }
  const int wanted = blocks_of(length);
  if (wanted - int(owned_.size()) > pool.free()) return false;
  while (int(owned_.size()) < wanted) {
    const int block = pool.take();
    for (int layer = 0; layer < pool.layers(); ++layer)
      pointers_[std::size_t(layer) * std::size_t(most_) + owned_.size()] = pool.at(block, layer);
    owned_.push_back(block);
  }
  length_ = length;
  return true;
}

void KvTable::shrink(int length) {
  for (; int(owned_.size()) > blocks_of(length); owned_.pop_back()) pool_->release(owned_.back());
  length_ = length;
}

void KvTable::append_foreign(const KvTable& other) {
  const int from = length_ / kKvBlockTokens, to = blocks_of(other.length_);
  for (int layer = 0; layer < pool_->layers(); ++layer)
    std::copy(other.blocks(layer) + from, other.blocks(layer) + to,
              pointers_.begin() + layer * most_ + from);
  length_ = other.length_;
}

bool KvTable::copy_from(const KvTable& other) {
  if (this == &other) return true;
  clear();
  if (other.pool_ == nullptr) return true;
  const bool partial = other.length_ % kKvBlockTokens != 0;
  if (partial && other.pool_->free() == 0) return false;
  pool_ = other.pool_;
  owned_ = other.owned_;
  pointers_ = other.pointers_;
  most_ = other.most_;
  length_ = other.length_;
  for (const int block : owned_) pool_->share(block);
  if (!partial) return true;
  const int last = owned_.back();
  owned_.back() = pool_->take();
  pool_->copy(last, owned_.back());
  pool_->release(last);
  for (int layer = 0; layer < pool_->layers(); ++layer)
    pointers_[std::size_t(layer) * std::size_t(most_) + owned_.size() - 1] =
        pool_->at(owned_.back(), layer);
  return true;
}

void KvTable::clear() {
  for (const int block : owned_) pool_->release(block);
  owned_.clear();
  pointers_.clear();
  pool_ = nullptr;
  most_ = length_ = 0;
}

}  // namespace serval::whisper
