// The KV cache's tier on disk, as the engine's thread sees it: blocks go out through a thread of
// its own and come back when they are asked for.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <functional>
#include <thread>

#include "plugins/llm/kv_disk/store.h"

namespace serval::llm {

struct DiskCounts {
  StoreCounts store;
  uint64_t hits = 0;     // blocks that came back
  uint64_t written = 0;  // blocks handed to the disk
  uint64_t dropped = 0;  // blocks that were not: the disk was too slow, or writing has failed
};

struct DiskTierOptions {
  std::filesystem::path folder;
  uint64_t budget = 0;       // most bytes of all files
  Digest fingerprint{};      // what else than the tokens a block's content depends on
  uint64_t block_bytes = 0;  // of memory
  // Told once, by the tier's thread, when writing fails: blocks are then only read.
  std::function<void(const std::string& why)> failed;
};

// Not thread-safe, apart from its own thread.
class DiskTier {
 public:
  // Errors: as BlockStore::open.
  static Result<std::unique_ptr<DiskTier>> open(DiskTierOptions options);
  // Writes what waits.
  ~DiskTier();
  DiskTier(const DiskTier&) = delete;
  DiskTier& operator=(const DiskTier&) = delete;

  // Memory it takes at most: what is known of the blocks, and blocks on their way out.
  static uint64_t memory_bytes(uint64_t block_bytes, uint64_t budget) {
    return BlockStore::memory_bytes(block_bytes, budget) +
           (queue_blocks(block_bytes) + 1) * block_bytes;
  }

  const Digest& fingerprint() const { return options_.fingerprint; }
  uint64_t block_bytes() const { return options_.block_bytes; }
  bool contains(const BlockKey& key) const { return store_->contains(key); }
  // As BlockStore::read.
  bool read(const BlockKey& key, const BlockKey& before, std::span<const int32_t> tokens,
            std::span<std::byte> block);

  // Copies the block and returns. When too many are on their way already it is dropped; or, with
  // `wait`, waits until there is room.
  void write(const BlockKey& key, const BlockKey& before, std::span<const int32_t> tokens,
             std::span<const std::byte> block, bool wait = false);
  // Until everything is on the disk, and what earlier starts have left is known.
  void settle();

  DiskCounts counts() const;

 private:
  // 64 MiB, but a few blocks even where they are large.
  static uint64_t queue_blocks(uint64_t block_bytes) {
    return std::clamp<uint64_t>((uint64_t(64) << 20) / block_bytes, 4, 64);
  }

  struct Job {
    RecordHead head;
    std::vector<std::byte> block;
  };

  DiskTier(DiskTierOptions options, std::unique_ptr<BlockStore> store);
  void work();
  bool append(const Job& job);

  const DiskTierOptions options_;
  const std::unique_ptr<BlockStore> store_;
  const std::size_t most_queued_;
  uint64_t hits_ = 0;

  mutable std::mutex mutex_;  // guards the rest
  std::condition_variable changed_;
  std::deque<Job> queue_;
  std::vector<std::vector<std::byte>> spare_;  // buffers
  bool busy_ = true;                           // the thread has work in hand
  bool broken_ = false;                        // writing has failed
  bool stop_ = false;
  uint64_t written_ = 0, dropped_ = 0;
  std::thread thread_;
};

}  // namespace serval::llm
