// The bytes of a segment file: its header and the heads of its records.
// docs/kv-cache-format.md has the grammar.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "plugins/llm/block_pool.h"
#include "plugins/llm/kv_disk/block_key.h"

namespace serval::llm {

inline constexpr std::size_t kSegmentHeaderBytes = 96;
inline constexpr std::size_t kRecordHeadBytes = 232;

struct SegmentHeader {
  uint64_t number = 0;
  uint64_t block_bytes = 0;
  Digest fingerprint{};

  bool operator==(const SegmentHeader&) const = default;
};
using SegmentHeaderBytes = std::array<std::byte, kSegmentHeaderBytes>;
SegmentHeaderBytes encode(const SegmentHeader& header);
// nullopt: not a header of this version, or damaged.
std::optional<SegmentHeader> decode(const SegmentHeaderBytes& bytes);

struct RecordHead {
  BlockKey key{};
  BlockKey before{};  // key of the block before it, or of its space
  std::array<int32_t, kBlockTokens> tokens{};
  Digest content{};  // SHA-256 of the block

  bool operator==(const RecordHead&) const = default;
};
using RecordHeadBytes = std::array<std::byte, kRecordHeadBytes>;
RecordHeadBytes encode(const RecordHead& head);
std::optional<RecordHead> decode(const RecordHeadBytes& bytes);

Digest content_digest(std::span<const std::byte> block);

}  // namespace serval::llm
