// The name of a KV block outside this process: it says what the block's content depends on.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "common/sha256.h"

namespace serval::llm {

// The first 128 bits of a SHA-256. Nobody can make two texts, or two spaces, with the same key.
using BlockKey = std::array<uint8_t, 16>;

// What stands before the first block of a space. fingerprint: all that keys and values depend on
// besides the tokens (fingerprint.h).
BlockKey space_key(const Digest& fingerprint, std::string_view space);

// A block with these tokens behind that of key `before`.
BlockKey block_key(const BlockKey& before, std::span<const int32_t> tokens);

}  // namespace serval::llm
