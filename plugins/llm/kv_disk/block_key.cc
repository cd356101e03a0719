#include "plugins/llm/kv_disk/block_key.h"

#include <algorithm>

namespace serval::llm {
namespace {

BlockKey shortened(const Digest& digest) {
  BlockKey key;
  std::copy_n(digest.begin(), key.size(), key.begin());
  return key;
}

}  // namespace

BlockKey space_key(const Digest& fingerprint, std::string_view space) {
  Sha256 hash;
  hash.add(fingerprint);
  hash.add(space);
  return shortened(hash.finish());
}

BlockKey block_key(const BlockKey& before, std::span<const int32_t> tokens) {
  Sha256 hash;
  hash.add(std::as_bytes(std::span(before)));
  hash.add(std::as_bytes(tokens));
  return shortened(hash.finish());
}

}  // namespace serval::llm
