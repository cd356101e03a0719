#include "common/formats/spm_encoder.h"

#include <array>
#include <bitset>
#include <cmath>
#include <string>

#include "common/formats/special_tokens.h"
#include "common/formats/spm_merger.h"

namespace serval {
namespace {

constexpr std::string_view kSpaceMark = "\u2581";

bool starts_character(char byte) { return (uint8_t(byte) & 0xC0) != 0x80; }

class SpmEncoder final : public TextEncoder {
 public:
  SpmEncoder(const Vocabulary& vocabulary, const TokenizerData& data)
      : vocabulary_(vocabulary),
        merger_(vocabulary, data.scores),
        user_defined_(vocabulary, {TokenKind::user_defined}),
        unknown_(data.unknown ? TokenId(*data.unknown) : -1),
        space_prefix_(data.space_prefix) {
    bytes_.fill(-1);
    for (TokenId id = 0; id < vocabulary.size(); ++id) {
      const std::string_view token = vocabulary.bytes(id);
      if (vocabulary.kind(id) == TokenKind::byte) bytes_[uint8_t(token[0])] = id;
      if (vocabulary.kind(id) != TokenKind::normal) continue;
      for (std::size_t i = 1; i < token.size(); ++i)
        if (starts_character(token[i])) joins_.set(pair(token[i - 1], token[i]));
    }
    for (const TokenId id : bytes_) spells_bytes_ = spells_bytes_ && id >= 0;
  }

  void encode(std::string_view text, std::vector<TokenId>& out) const override {
    if (text.empty()) return;
    std::string changed;
    if (space_prefix_ || text.find(kSpaceMark) != text.npos) text = changed = as_spaces(text);
    Output to{out, {}, false};
    for (std::size_t done = 0; done < text.size();) {
      const SpecialTokens::Match match = user_defined_.find(vocabulary_, text, done);
      encode_plain(text.substr(done, match.at - done), to);
      if (match.length > 0) {
        out.push_back(match.id);
        to.after_unknown = false;
      }
      done = match.at + match.length;
    }
  }

 private:
  struct Output {
    std::vector<TokenId>& ids;
    SpmMerger::Scratch scratch;
    bool after_unknown;
  };

  static std::size_t pair(char before, char behind) {
    return std::size_t(uint8_t(before)) << 8 | uint8_t(behind);
  }

  // To a vocabulary the mark and the space are the same.
  std::string as_spaces(std::string_view text) const {
    std::string out;
    out.reserve(text.size() + 1);
    if (space_prefix_) out += ' ';
    for (std::size_t at; (at = text.find(kSpaceMark)) != text.npos;) {
      out.append(text.substr(0, at)) += ' ';
      text.remove_prefix(at + kSpaceMark.size());
    }
    return std::move(out.append(text));
  }

  // No token spans two characters whose neighbouring bytes meet in no token, so each stretch
  // between such places is merged on its own.
  void encode_plain(std::string_view text, Output& to) const {
    std::size_t start = 0;
    for (std::size_t i = 1; i <= text.size(); ++i) {
      if (i < text.size() && (!starts_character(text[i]) || joins_[pair(text[i - 1], text[i])]))
        continue;
      merger_.cut(text.substr(start, i - start), to.scratch,
                  [&](std::string_view piece) { put(piece, to); });
      start = i;
    }
  }

  void put(std::string_view piece, Output& to) const {
    const TokenId id = merger_.find(piece);
    if (id >= 0) {
      to.ids.push_back(id);
    } else if (spells_bytes_) {
      for (const char byte : piece) to.ids.push_back(bytes_[uint8_t(byte)]);
    } else if (unknown_ >= 0 && !to.after_unknown) {  // one for a row of them
      to.ids.push_back(unknown_);
    }
    to.after_unknown = id < 0 && !spells_bytes_;
  }

  const Vocabulary& vocabulary_;
  SpmMerger merger_;
  SpecialTokens user_defined_;
  TokenId unknown_;
  bool space_prefix_;
  bool spells_bytes_ = true;  // there is a token for each byte
  std::array<TokenId, 256> bytes_;
  std::bitset<65536> joins_;  // pair(): these bytes meet inside a token, between characters
};

}  // namespace

Result<std::unique_ptr<TextEncoder>> make_spm_encoder(const Vocabulary& vocabulary,
                                                      const TokenizerData& data) {
  if (data.scores.size() != std::size_t(vocabulary.size()))
    return invalid("there are " + std::to_string(data.scores.size()) +
                   " scores, want one a token: " + std::to_string(vocabulary.size()));
  for (std::size_t id = 0; id < data.scores.size(); ++id)
    if (std::isnan(data.scores[id]))
      return invalid("the score of token " + std::to_string(id) + " is not a number");
  return std::unique_ptr<TextEncoder>(std::make_unique<SpmEncoder>(vocabulary, data));
}

}  // namespace serval
