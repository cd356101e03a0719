#include "host/security/key_store.h"

#include <openssl/crypto.h>
#include <strings.h>

namespace serval::host {
namespace {

constexpr std::size_t kLongestKey = 1024;

// The token of "Bearer TOKEN", or "".
std::string_view bearer(std::string_view value) {
  constexpr std::string_view kScheme = "Bearer";
  if (value.size() <= kScheme.size() || value[kScheme.size()] != ' ' ||
      strncasecmp(value.data(), kScheme.data(), kScheme.size()) != 0)
    return {};
  value.remove_prefix(kScheme.size());
  while (value.starts_with(' ')) value.remove_prefix(1);
  while (value.ends_with(' ')) value.remove_suffix(1);
  return value;
}

}  // namespace

Result<std::shared_ptr<KeyStore>> KeyStore::open(std::string path) {
  Result<Entries> entries = read_key_file(path);
  if (!entries) return entries.error();
  return std::shared_ptr<KeyStore>(new KeyStore(std::move(path), std::move(*entries)));
}

Status KeyStore::reload() {
  Result<Entries> entries = read_key_file(path_);
  if (!entries) return entries.error();
  auto fresh = std::make_shared<const Entries>(std::move(*entries));
  const std::lock_guard lock(mutex_);
  entries_ = std::move(fresh);
  return {};
}

std::shared_ptr<const KeyStore::Entries> KeyStore::current() const {
  const std::lock_guard lock(mutex_);
  return entries_;
}

std::size_t KeyStore::size() const { return current()->size(); }

Result<Principal> KeyStore::authenticate(std::string_view authorization) const {
  if (authorization.empty())
    return error(Code::unauthenticated,
                 "no API key was sent; want the header \"Authorization: Bearer KEY\"");
  const std::string_view key = bearer(authorization);
  if (key.empty() || key.size() > kLongestKey)
    return error(Code::unauthenticated,
                 "the Authorization header is not of the form \"Bearer KEY\"");
  const KeyHash hash = hash_key(key);
  const std::shared_ptr<const Entries> entries = current();
  const KeyEntry* found = nullptr;
  for (const KeyEntry& entry : *entries)  // all of them, whichever matches
    if (CRYPTO_memcmp(entry.hash.data(), hash.data(), hash.size()) == 0) found = &entry;
  if (found == nullptr) return error(Code::unauthenticated, "the API key is not known");
  return found->principal;
}

}  // namespace serval::host
