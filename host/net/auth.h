// Who sends a request. The security layer implements Authenticator; the server asks it as soon as
// the header of a request is complete, before a byte of its body is read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.h"

namespace serval::host {

// What a route needs and a key grants; bits.
enum Scope : uint32_t {
  kScopeNone = 0,  // open to everybody
  kScopeInfer = 1,
  kScopeAdmin = 2,
  kScopeMetrics = 4,
};

struct Principal {
  std::string tenant;
  std::string key_id;         // for logs; never the key
  uint32_t scopes = 0;        // Scope bits
  int32_t priority_cap = -3;  // lowest Request.priority (most urgent) it may ask for
};

// Thread-safe; called on the network threads, so it must not block.
class Authenticator {
 public:
  virtual ~Authenticator() = default;

  // authorization: the value of the Authorization field, "" when there is none.
  // Fails with unauthenticated.
  virtual Result<Principal> authenticate(std::string_view authorization) const = 0;
};

}  // namespace serval::host
