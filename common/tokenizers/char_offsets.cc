#include "common/tokenizers/char_offsets.h"

#include <algorithm>

namespace serval::tok {
namespace {

uint32_t starts(std::string_view bytes) {
  uint32_t count = 0;
  for (const char c : bytes) count += (uint8_t(c) & 0xC0) != 0x80;
  return count;
}

bool is_ascii(std::string_view text) {
  uint8_t any = 0;
  for (const char c : text) any |= uint8_t(c);
  return any < 0x80;
}

}  // namespace

CharOffsets::CharOffsets(std::string_view text) : text_(text) {
  if (is_ascii(text)) return;
  blocks_.reserve(text.size() / kBlock + 1);
  uint32_t count = 0;
  for (std::size_t at = 0; at <= text.size(); at += kBlock) {
    blocks_.push_back(count);
    count += starts(text.substr(at, kBlock));
  }
}

uint32_t CharOffsets::at(std::size_t byte) const {
  if (blocks_.empty()) return uint32_t(byte);
  const std::size_t block = byte / kBlock;
  return blocks_[block] + starts(text_.substr(block * kBlock, byte - block * kBlock));
}

}  // namespace serval::tok
