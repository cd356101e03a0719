// Tokens as every vocabulary numbers and sorts them.
#pragma once

#include <cstdint>

namespace serval {

using TokenId = int32_t;

// Kinds as GGUF files number them.
enum class TokenKind : uint8_t {
  normal = 1,
  unknown = 2,
  control = 3,
  user_defined = 4,
  unused = 5,
  byte = 6,
};

// control and unknown: their name is nothing a user is ever shown.
inline bool is_control(TokenKind kind) {
  return kind == TokenKind::control || kind == TokenKind::unknown;
}

}  // namespace serval
