// Certificates of a TLS listener: TLS 1.2 or newer, replaceable while the server runs.
#pragma once

#include <memory>
#include <mutex>
#include <openssl/types.h>
#include <string>

#include "common/result.h"

namespace serval::host {

// Thread-safe.
class TlsContext {
 public:
  // PEM files; the chain begins with the server's own certificate. invalid_argument: unreadable
  // file, key and certificate do not belong together.
  static Result<std::shared_ptr<TlsContext>> load(std::string certificate_chain, std::string key);

  // Reads both files again. New connections use them; on an error the old ones stay.
  Status reload();

  // The context of a new connection.
  std::shared_ptr<SSL_CTX> current() const;

 private:
  TlsContext(std::string chain, std::string key) : chain_(std::move(chain)), key_(std::move(key)) {}

  const std::string chain_, key_;
  mutable std::mutex mutex_;
  std::shared_ptr<SSL_CTX> context_;
};

}  // namespace serval::host
