#include "common/formats/vocabulary.h"

#include <array>
#include <bit>
#include <charconv>
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

constexpr std::string_view kSpaceMark = "\u2581";

// SentencePiece's <0x0A> to its byte. false: it is spelt otherwise.
bool append_named_byte(std::string_view text, std::string& out) {
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return false;
  uint8_t byte = 0;
  const auto [end, failed] = std::from_chars(text.data() + 3, text.data() + 5, byte, 16);
  if (failed != std::errc() || end != text.data() + 5) return false;
  out += char(byte);
  return true;
}

void append_with_spaces(std::string_view text, std::string& out) {
  for (std::size_t at; (at = text.find(kSpaceMark)) != text.npos;) {
    out.append(text.substr(0, at)) += ' ';
    text.remove_prefix(at + kSpaceMark.size());
  }
  out.append(text);
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

void append_alphabet_of_bytes(std::string_view bytes, std::string& out) {
  static const std::array<uint16_t, 256> characters = [] {
    std::array<uint16_t, 256> codes{};
    for (int code = 0; code < kAlphabetEnd; ++code)
      if (kAlphabet[std::size_t(code)] >= 0)
        codes[std::size_t(kAlphabet[std::size_t(code)])] = uint16_t(code);
    return codes;
  }();
  for (const char byte : bytes) append_utf8(out, characters[uint8_t(byte)]);
}

Result<Vocabulary> Vocabulary::build(std::span<const std::string_view> texts,
                                     std::vector<TokenKind> kinds, Spelling spelling) {
  if (texts.size() > std::size_t(std::numeric_limits<int32_t>::max() / 4))
    return invalid("a vocabulary of " + std::to_string(texts.size()) + " tokens is too large");
  Vocabulary out;
  out.kinds_ = std::move(kinds);
  out.starts_.reserve(texts.size() + 1);
  out.starts_.push_back(0);
  for (std::size_t id = 0; id < texts.size(); ++id) {
    const TokenKind kind = out.kinds_[id];
    const bool word = kind == TokenKind::normal;
    const bool special = is_control(kind) || kind == TokenKind::user_defined;
    if ((special || spelling == Spelling::sentencepiece) && texts[id].size() > kMaxSpecialBytes)
      return invalid("token " + std::to_string(id) + (special ? " is special and has " : " has ") +
                     std::to_string(texts[id].size()) + " bytes, want at most " +
                     std::to_string(kMaxSpecialBytes));
    if (spelling == Spelling::byte_alphabet) {
      // A special token is matched in the text as it is written; only words are in the alphabet.
      if (!word || !append_bytes_of_alphabet(texts[id], out.arena_)) out.arena_.append(texts[id]);
    } else if (spelling == Spelling::plain) {
      out.arena_.append(texts[id]);
    } else if (word || kind == TokenKind::user_defined) {
      append_with_spaces(texts[id], out.arena_);
    } else if (kind != TokenKind::byte) {
      out.arena_.append(texts[id]);
    } else if (!append_named_byte(texts[id], out.arena_)) {
      return invalid("token " + std::to_string(id) + " is a byte but is not spelt <0xNN>");
    }
    out.starts_.push_back(out.arena_.size());
  }
  out.index();
  return out;
}

void Vocabulary::index() {
  seed_ = hash_seed();
  slots_.resize(std::bit_ceil(std::size_t(size()) * 2 + 1));
  const auto insert_all = [&](auto wanted) {
    for (TokenId id = 0; id < size(); ++id)
      if (wanted(kind(id))) insert(id);
  };
  insert_all([](TokenKind kind) { return kind == TokenKind::normal; });
  insert_all([](TokenKind kind) { return kind == TokenKind::user_defined; });
  insert_all(
      [](TokenKind kind) { return kind != TokenKind::normal && kind != TokenKind::user_defined; });
}

const Vocabulary::Slot& Vocabulary::slot_of(std::string_view wanted, uint32_t& tag) const {
  const uint64_t hash = seeded_hash(wanted, seed_);
  tag = uint32_t(hash >> 32);
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at].id >= 0 && (slots_[at].tag != tag || bytes(slots_[at].id) != wanted))
    at = (at + 1) & mask;
  return slots_[at];
}

void Vocabulary::insert(TokenId id) {
  uint32_t tag = 0;
  const Slot& slot = slot_of(bytes(id), tag);
  if (slot.id < 0) slots_[std::size_t(&slot - slots_.data())] = {tag, id};
}

TokenId Vocabulary::find(std::string_view wanted) const {
  uint32_t tag = 0;
  return slot_of(wanted, tag).id;
}

}  // namespace serval
