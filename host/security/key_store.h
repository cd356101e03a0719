// Who a key belongs to; the keys can be exchanged while the server runs.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "host/net/auth.h"
#include "host/security/key_file.h"

namespace serval::host {

// Thread-safe.
class KeyStore final : public Authenticator {
 public:
  // Reads the file; errors as read_key_file().
  static Result<std::shared_ptr<KeyStore>> open(std::string path);

  // Reads the file again. On an error the old keys stay. Requests under way keep what they were
  // granted.
  Status reload();

  // "Bearer KEY". The time it takes tells nothing of which key matched or how far one did.
  Result<Principal> authenticate(std::string_view authorization) const override;

  std::size_t size() const;

 private:
  using Entries = std::vector<KeyEntry>;
  KeyStore(std::string path, Entries entries)
      : path_(std::move(path)), entries_(std::make_shared<const Entries>(std::move(entries))) {}
  std::shared_ptr<const Entries> current() const;

  const std::string path_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Entries> entries_;
};

}  // namespace serval::host
