#include "plugins/llm/kv_disk/tier.h"

namespace serval::llm {

Result<std::unique_ptr<DiskTier>> DiskTier::open(DiskTierOptions options) {
  Result<std::unique_ptr<BlockStore>> store =
      BlockStore::open(options.folder, options.budget, options.fingerprint, options.block_bytes);
  if (!store) return store.error();
  return std::unique_ptr<DiskTier>(new DiskTier(std::move(options), std::move(*store)));
}

DiskTier::DiskTier(DiskTierOptions options, std::unique_ptr<BlockStore> store)
    : options_(std::move(options)),
      store_(std::move(store)),
      most_queued_(queue_blocks(options_.block_bytes)),
      thread_([this] { work(); }) {}

DiskTier::~DiskTier() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

bool DiskTier::read(const BlockKey& key, const BlockKey& before, std::span<const int32_t> tokens,
                    std::span<std::byte> block) {
  if (!store_->read(key, before, tokens, block)) return false;
  ++hits_;
  return true;
}

void DiskTier::write(const BlockKey& key, const BlockKey& before, std::span<const int32_t> tokens,
                     std::span<const std::byte> block, bool wait) {
  if (store_->contains(key)) return;
  Job job;
  job.head.key = key;
  job.head.before = before;
  std::copy(tokens.begin(), tokens.end(), job.head.tokens.begin());
  {
    std::unique_lock lock(mutex_);
    if (wait) changed_.wait(lock, [&] { return broken_ || queue_.size() < most_queued_; });
    if (broken_ || queue_.size() >= most_queued_) {
      ++dropped_;
      return;
    }
    if (!spare_.empty()) {
      job.block = std::move(spare_.back());
      spare_.pop_back();
    }
  }
  job.block.assign(block.begin(), block.end());
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(job));
  }
  changed_.notify_all();
}

void DiskTier::settle() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return queue_.empty() && !busy_; });
}

DiskCounts DiskTier::counts() const {
  const StoreCounts store = store_->counts();
  const std::lock_guard lock(mutex_);
  return {store, hits_, written_, dropped_};
}

// First what is there already, then what comes.
void DiskTier::work() {
  std::unique_lock lock(mutex_);
  const auto unlocked = [&](auto&& body) {
    lock.unlock();
    const bool result = body();
    lock.lock();
    return result;
  };
  while (!stop_ && unlocked([&] { return store_->scan_next(); })) {
  }
  while (true) {
    busy_ = false;
    changed_.notify_all();
    changed_.wait(lock, [&] { return stop_ || !queue_.empty(); });
    if (queue_.empty()) return;
    busy_ = true;
    Job job = std::move(queue_.front());
    queue_.pop_front();
    changed_.notify_all();
    const bool written = !broken_ && unlocked([&] { return append(job); });
    ++(written ? written_ : dropped_);
    broken_ = broken_ || !written;
    spare_.push_back(std::move(job.block));
  }
}

bool DiskTier::append(const Job& job) {
  const Status written = store_->append(job.head, job.block);
  if (!written && options_.failed) options_.failed(written.error().message);
  return written.ok();
}

}  // namespace serval::llm
