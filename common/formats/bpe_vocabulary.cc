#include "common/formats/bpe_vocabulary.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "common/formats/seeded_hash.h"
#include "common/utf8.h"

namespace serval {
namespace {

constexpr int kAlphabetEnd = 256 + 68;  // 68 bytes have no printable Latin-1 character

constexpr bool stands_for_itself(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

// Code point to byte, -1 for code points that are not in the alphabet.
constexpr std::array<int16_t, kAlphabetEnd> make_alphabet() {
  std::array<int16_t, kAlphabetEnd> bytes{};
  bytes.fill(-1);
  int next = 256;
  for (int byte = 0; byte < 256; ++byte)
    bytes[std::size_t(stands_for_itself(byte) ? byte : next++)] = int16_t(byte);
  return bytes;
}

constexpr std::array<int16_t, kAlphabetEnd> kAlphabet = make_alphabet();

bool is_special(TokenKind kind) {
  return kind == TokenKind::control || kind == TokenKind::unknown ||
         kind == TokenKind::user_defined;
}

}  // namespace

bool append_bytes_of_alphabet(std::string_view text, std::string& out) {
  const std::size_t before = out.size();
  while (!text.empty()) {
    const Utf8Char c = next_utf8(text);
    if (!c.valid || c.code >= kAlphabetEnd || kAlphabet[c.code] < 0) {
      out.resize(before);
      return false;
    }
    out += char(kAlphabet[c.code]);
    text.remove_prefix(c.length);
  }
  return true;
}

Result<BpeVocabulary> BpeVocabulary::build(std::span<const std::string_view> texts,
                                           std::vector<TokenKind> kinds) {
  if (texts.size() > std::size_t(std::numeric_limits<int32_t>::max() / 4))
    return invalid("a vocabulary of " + std::to_string(texts.size()) + " tokens is too large");
  BpeVocabulary out;
  out.kinds_ = std::move(kinds);
  out.starts_.reserve(texts.size() + 1);
  out.starts_.push_back(0);
  for (std::size_t id = 0; id < texts.size(); ++id) {
    const TokenKind kind = out.kinds_[id];
    if (is_special(kind) && texts[id].size() > kMaxSpecialBytes)
      return invalid("token " + std::to_string(id) + " is special and has " +
                     std::to_string(texts[id].size()) + " bytes, want at most " +
                     std::to_string(kMaxSpecialBytes));
    // A special token is matched in the text as it is written; only words are in the alphabet.
    if (kind != TokenKind::normal || !append_bytes_of_alphabet(texts[id], out.arena_))
      out.arena_.append(texts[id]);
    out.starts_.push_back(out.arena_.size());
  }
  out.index();
  return out;
}

void BpeVocabulary::index() {
  seed_ = hash_seed();
  slots_.resize(std::bit_ceil(std::size_t(size()) * 2 + 1));
  for (TokenId id = 0; id < size(); ++id)
    if (kind(id) == TokenKind::normal) insert(id);
  for (TokenId id = 0; id < size(); ++id) {
    if (kind(id) != TokenKind::normal) insert(id);
    if (!is_special(kind(id)) || bytes(id).empty()) continue;
    specials_.push_back(id);
    special_first_[uint8_t(bytes(id)[0])] = true;
  }
  std::stable_sort(specials_.begin(), specials_.end(),
                   [&](TokenId a, TokenId b) { return bytes(a) < bytes(b); });
}

const BpeVocabulary::Slot& BpeVocabulary::slot_of(std::string_view wanted, uint32_t& tag) const {
  const uint64_t hash = seeded_hash(wanted, seed_);
  tag = uint32_t(hash >> 32);
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at].id >= 0 && (slots_[at].tag != tag || bytes(slots_[at].id) != wanted))
    at = (at + 1) & mask;
  return slots_[at];
}

void BpeVocabulary::insert(TokenId id) {
  uint32_t tag = 0;
  const Slot& slot = slot_of(bytes(id), tag);
  if (slot.id < 0) slots_[std::size_t(&slot - slots_.data())] = {tag, id};
}

TokenId BpeVocabulary::find(std::string_view wanted) const {
  uint32_t tag = 0;
  return slot_of(wanted, tag).id;
}

BpeVocabulary::Special BpeVocabulary::find_special(std::string_view text, std::size_t from) const {
  for (; from < text.size(); ++from) {
    if (!special_first_[uint8_t(text[from])]) continue;
    // Narrows the sorted tokens byte by byte to those that agree with the text so far.
    auto low = specials_.begin(), high = specials_.end();
    Special found{from, 0, -1};
    for (std::size_t depth = 0; low != high; ++depth) {
      if (bytes(*low).size() == depth) found = {from, depth, *low};
      if (from + depth == text.size()) break;
      const auto byte_at = [&](TokenId id) {
        const std::string_view b = bytes(id);
        return depth < b.size() ? int(uint8_t(b[depth])) : -1;
      };
      const int want = uint8_t(text[from + depth]);
      low = std::partition_point(low, high, [&](TokenId id) { return byte_at(id) < want; });
      high = std::partition_point(low, high, [&](TokenId id) { return byte_at(id) <= want; });
    }
    if (found.length > 0) return found;
  }
  return {text.size(), 0, -1};
}

}  // namespace serval
