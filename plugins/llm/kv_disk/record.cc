#include "plugins/llm/kv_disk/record.h"

#include <bit>
#include <cstring>
#include <string_view>

namespace serval::llm {
namespace {

static_assert(std::endian::native == std::endian::little);  // files are little-endian

constexpr std::string_view kSegmentMagic("SrvlKV\r\n", 8);
constexpr uint32_t kVersion = 1;
constexpr uint32_t kRecordMagic = 0x4b4c4253;  // "SBLK"

class Writer {
 public:
  explicit Writer(std::span<std::byte> to) : to_(to) {}
  template <class T>
  void put(const T& value) {
    std::memcpy(to_.data() + at_, &value, sizeof value);
    at_ += sizeof value;
  }
  // Ends the bytes with the digest of all before it.
  void seal() { put(content_digest(to_.first(at_))); }

 private:
  std::span<std::byte> to_;
  std::size_t at_ = 0;
};

class Reader {
 public:
  explicit Reader(std::span<const std::byte> from) : from_(from) {}
  template <class T>
  T get() {
    T value;
    std::memcpy(&value, from_.data() + at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  bool sealed() {
    const Digest want = content_digest(from_.first(at_));
    return get<Digest>() == want;
  }

 private:
  std::span<const std::byte> from_;
  std::size_t at_ = 0;
};

}  // namespace

Digest content_digest(std::span<const std::byte> block) {
  Sha256 hash;
  hash.add(block);
  return hash.finish();
}

SegmentHeaderBytes encode(const SegmentHeader& header) {
  SegmentHeaderBytes bytes{};
  Writer out(bytes);
  for (const char c : kSegmentMagic) out.put(c);
  out.put(kVersion);
  out.put(uint32_t{kBlockTokens});
  out.put(header.number);
  out.put(header.block_bytes);
  out.put(header.fingerprint);
  out.seal();
  return bytes;
}

std::optional<SegmentHeader> decode(const SegmentHeaderBytes& bytes) {
  Reader in(bytes);
  for (const char c : kSegmentMagic)
    if (in.get<char>() != c) return std::nullopt;
  if (in.get<uint32_t>() != kVersion || in.get<uint32_t>() != uint32_t{kBlockTokens})
    return std::nullopt;
  SegmentHeader header;
  header.number = in.get<uint64_t>();
  header.block_bytes = in.get<uint64_t>();
  header.fingerprint = in.get<Digest>();
  if (!in.sealed()) return std::nullopt;
  return header;
}

RecordHeadBytes encode(const RecordHead& head) {
  RecordHeadBytes bytes{};
  Writer out(bytes);
  out.put(kRecordMagic);
  out.put(uint32_t{kBlockTokens});
  out.put(head.key);
  out.put(head.before);
  out.put(head.tokens);
  out.put(head.content);
  out.seal();
  return bytes;
}

std::optional<RecordHead> decode(const RecordHeadBytes& bytes) {
  Reader in(bytes);
  if (in.get<uint32_t>() != kRecordMagic || in.get<uint32_t>() != uint32_t{kBlockTokens})
    return std::nullopt;
  RecordHead head;
  head.key = in.get<BlockKey>();
  head.before = in.get<BlockKey>();
  head.tokens = in.get<std::array<int32_t, kBlockTokens>>();
  head.content = in.get<Digest>();
  if (!in.sealed()) return std::nullopt;
  return head;
}

}  // namespace serval::llm
