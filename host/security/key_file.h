// The file of API keys. It holds their hashes, never the keys.
//
//   # id    SHA-256 of the key, hex    tenant   scopes                  lowest priority (optional)
//   alice   9f86d081884c7d659a2fea...  acme     infer,metrics           0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "host/net/auth.h"

namespace serval::host {

using KeyHash = std::array<uint8_t, 32>;

struct KeyEntry {
  KeyHash hash{};
  Principal principal;
};

// All errors in one message, one line each, as "name:line: what was found, what is wanted".
Result<std::vector<KeyEntry>> parse_key_file(std::string_view text, const std::string& name);

// Reads the file after checking that it belongs to root or this user and that nobody else can read
// or change it (no more than mode 0640, and group-readable only).
Result<std::vector<KeyEntry>> read_key_file(const std::string& path);

KeyHash hash_key(std::string_view key);

// A new key and its line for the file.
struct NewKey {
  std::string key;   // shown once
  std::string line;  // without newline
};
// invalid_argument: an id, tenant or list of scopes that the file could not hold.
// unavailable: the system gave no random bytes.
Result<NewKey> make_key(const std::string& id, const std::string& tenant,
                        const std::string& scopes);

}  // namespace serval::host
