// The blocks that are on the disk: a folder of segments within a budget of bytes.
//
// A folder belongs to one process at a time (a lock file) and to this user alone. Segments that
// were written for something else (another model, format or kernels) are removed when the folder is
// opened. Bytes are never trusted: a block that is read has the key, the tokens and the checksum
// that its reader asked for, or is not given out.
#pragma once

#include <algorithm>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "plugins/llm/kv_disk/segment.h"

namespace serval::llm {

struct StoreCounts {
  uint64_t bytes = 0;    // of all segments
  uint64_t blocks = 0;   // that can be found
  uint64_t damaged = 0;  // files and records that were discarded
};

// Threads: contains, read and counts may be called by any thread; the rest by one.
class BlockStore {
 public:
  // Makes the folder if it is absent.
  // Errors: invalid_argument if not one block fits; failed_precondition, permission_denied,
  // unavailable (another process has it), saying what is wrong with the folder.
  static Result<std::unique_ptr<BlockStore>> open(const std::filesystem::path& folder,
                                                  uint64_t budget, const Digest& fingerprint,
                                                  uint64_t block_bytes);
  // The smallest budget.
  static uint64_t least_bytes(uint64_t block_bytes) {
    return kSegmentHeaderBytes + kRecordHeadBytes + block_bytes;
  }
  // Memory for what is known of the blocks of a budget.
  static uint64_t memory_bytes(uint64_t block_bytes, uint64_t budget) {
    return std::min(budget / block_bytes, kMostBlocks) * 128;
  }
  ~BlockStore();
  BlockStore(const BlockStore&) = delete;
  BlockStore& operator=(const BlockStore&) = delete;

  bool contains(const BlockKey& key) const;
  // Fills `block` with what is stored for these tokens behind those of `before`.
  // False: it is not there, or damaged; block's bytes are then anything.
  bool read(const BlockKey& key, const BlockKey& before, std::span<const int32_t> tokens,
            std::span<std::byte> block);
  StoreCounts counts() const;

  // Learns what another segment of an earlier start holds, the newest first. False: nothing left.
  bool scan_next();
  // The oldest segments make room. A block that is there already is not written again.
  Status append(RecordHead head, std::span<const std::byte> block);

 private:
  static constexpr uint64_t kMostBlocks = uint64_t(1) << 22;

  using SegmentPtr = std::shared_ptr<Segment>;
  struct Place {
    SegmentPtr segment;
    int record;
  };
  struct KeyHash {  // keys are hashes
    std::size_t operator()(const BlockKey& key) const {
      std::size_t value;
      __builtin_memcpy(&value, key.data(), sizeof value);
      return value;
    }
  };
  struct Known {
    SegmentPtr segment;
    std::vector<BlockKey> keys;
  };

  BlockStore(int folder, int lock, uint64_t budget, SegmentHeader header)
      : folder_(folder), lock_(lock), budget_(budget), header_(header) {}

  void take_over(const std::vector<uint64_t>& numbers);
  void make_room(uint64_t bytes);
  void drop_oldest();
  void add(const SegmentPtr& segment, int record, const BlockKey& key);

  const int folder_, lock_;  // descriptors
  const uint64_t budget_;
  SegmentHeader header_;               // of the next segment
  SegmentPtr active_;                  // appended to; null: begin another
  std::vector<SegmentPtr> unscanned_;  // oldest first

  mutable std::mutex mutex_;  // guards the rest
  std::unordered_map<BlockKey, Place, KeyHash> places_;
  std::map<uint64_t, Known> segments_;  // by number: oldest first
  uint64_t bytes_ = 0, damaged_ = 0;
};

}  // namespace serval::llm
