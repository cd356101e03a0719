// Names out of files in messages.
#pragma once

#include <string>
#include <string_view>

namespace serval {

// Hostile names may be long or hold control characters.
inline std::string quoted_name(std::string_view name) {
  std::string out = "\"";
  for (const char c : name.substr(0, 64)) out += c >= 0x20 && c < 0x7f ? c : '?';
  return out + (name.size() > 64 ? "...\"" : "\"");
}

}  // namespace serval
