// WordPiece and WordLevel.
#include <algorithm>

#include "common/formats/quoted_name.h"
#include "common/tokenizers/aligned_text.h"
#include "common/tokenizers/byte_trie.h"
#include "common/tokenizers/token_model.h"

namespace serval::tok {
namespace {

// The longest token a piece begins with, then the longest that goes on with the prefix ("##"), and
// so on; one unknown token if that comes to no end.
class WordPiece final : public TokenModel {
 public:
  WordPiece(ByteTrie trie, std::string_view prefix, TokenId unknown, std::size_t most_characters)
      : trie_(std::move(trie)),
        next_(trie_.walk(ByteTrie::kRoot, prefix)),
        unknown_(unknown),
        most_characters_(most_characters) {}

  void encode(std::string_view piece, ModelScratch&, std::vector<ModelToken>& out) const override {
    const std::size_t before = out.size();
    bool whole = !is_too_long(piece);
    for (std::size_t begin = 0; whole && begin < piece.size();) {
      uint32_t node = begin == 0 ? ByteTrie::kRoot : next_;
      std::size_t end = begin;
      TokenId id = -1;
      for (std::size_t at = begin; at < piece.size() && node != ByteTrie::kNone;) {
        node = trie_.step(node, piece[at++]);
        if (node == ByteTrie::kNone || trie_.id(node) < 0) continue;
        id = trie_.id(node);
        end = at;
      }
      whole = id >= 0;
      if (whole) out.push_back({id, uint32_t(begin), uint32_t(end)});
      begin = end;
    }
    if (whole) return;
    out.resize(before);
    out.push_back({unknown_, 0, uint32_t(piece.size())});
  }

 private:
  bool is_too_long(std::string_view piece) const {
    if (piece.size() <= most_characters_) return false;
    std::size_t characters = 0;
    for (const char c : piece) characters += (uint8_t(c) & 0xC0) != 0x80;
    return characters > most_characters_;
  }

  const ByteTrie trie_;
  const uint32_t next_;  // node behind the prefix
  const TokenId unknown_;
  const std::size_t most_characters_;
};

class WordLevel final : public TokenModel {
 public:
  WordLevel(const Vocabulary& vocabulary, TokenId unknown)
      : vocabulary_(vocabulary), unknown_(unknown) {}

  void encode(std::string_view piece, ModelScratch&, std::vector<ModelToken>& out) const override {
    const TokenId id = find_normal(vocabulary_, piece);
    out.push_back({id >= 0 ? id : unknown_, 0, uint32_t(piece.size())});
  }

 private:
  const Vocabulary& vocabulary_;
  const TokenId unknown_;
};

TokenId read_unknown(Component& model, const Vocabulary& vocabulary) {
  const std::string_view text = model.text("unk_token");
  const TokenId id = find_normal(vocabulary, text);
  if (model.status().ok() && id < 0)
    model.fail(model.bad("its unk_token " + quoted_name(text) + " is not in its vocab"));
  return id;
}

}  // namespace

MadeModel read_word_piece(Component& model, const Vocabulary& vocabulary) {
  const TokenId unknown = read_unknown(model, vocabulary);
  const std::string_view prefix = model.text("continuing_subword_prefix", "##");
  const int64_t most = model.number("max_input_chars_per_word", 100, 0, 1 << 30);
  if (!model.status()) return model.status().error();
  std::size_t bytes = 0;
  for (TokenId id = 0; id < vocabulary.size(); ++id) bytes += vocabulary.bytes(id).size();
  ByteTrie trie(bytes);
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    const std::string_view text = vocabulary.bytes(id);
    if (vocabulary.kind(id) != TokenKind::normal || text.empty()) continue;
    if (text.size() > kMostTokenBytes || !trie.insert(text, id))
      return model.bad("its vocab is too large, at token " + quoted_name(text));
  }
  return std::unique_ptr<const TokenModel>(
      new WordPiece(std::move(trie), prefix, unknown, std::size_t(most)));
}

MadeModel read_word_level(Component& model, const Vocabulary& vocabulary) {
  const TokenId unknown = read_unknown(model, vocabulary);
  if (!model.status()) return model.status().error();
  return std::unique_ptr<const TokenModel>(new WordLevel(vocabulary, unknown));
}

}  // namespace serval::tok
