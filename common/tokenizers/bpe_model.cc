// Byte-pair encoding, over bytes or over characters.
#include <algorithm>
#include <array>
#include <optional>

#include "common/formats/quoted_name.h"
#include "common/tokenizers/aligned_text.h"
#include "common/tokenizers/byte_trie.h"
#include "common/tokenizers/token_model.h"

namespace serval::tok {
namespace {

using Part = BpeMerger::Part;

struct BpeRules {
  std::string prefix, suffix;  // of characters that do not begin a word; of the one that ends it
  std::optional<TokenId> unknown;
  bool fuse_unknown = false, byte_fallback = false, ignore_merges = false;
};

class Bpe final : public TokenModel {
 public:
  Bpe(const Vocabulary& vocabulary, std::span<const BpeMerger::Rule> merges, BpeRules rules,
      bool byte_level)
      : vocabulary_(vocabulary),
        merger_(merges),
        rules_(std::move(rules)),
        byte_level_(byte_level) {
    for (int byte = 0; byte < 256; ++byte) {
      const char c = char(byte);
      std::string character;
      append_alphabet_of_bytes({&c, 1}, character);
      constexpr char kDigits[] = "0123456789ABCDEF";
      const char name[] = {'<', '0', 'x', kDigits[byte >> 4], kDigits[byte & 15], '>'};
      byte_tokens_[std::size_t(byte)] =
          find_normal(vocabulary, byte_level ? character : std::string_view(name, sizeof(name)));
    }
    find_whole_words();
  }

  void encode(std::string_view piece, ModelScratch& scratch,
              std::vector<ModelToken>& out) const override {
    if (piece.size() <= longest_whole_)
      if (const TokenId id = whole_.find(piece); id >= 0)
        return out.push_back({id, 0, uint32_t(piece.size())});
    spell(piece, scratch);
    merger_.merge(scratch.parts, scratch.merger);
    uint32_t at = 0;
    for (const Part& part : scratch.parts) {
      out.push_back({part.id, at, at + part.size});
      at += part.size;
    }
  }

 private:
  // The word as its smallest tokens. As in the reference, unknown characters that are waiting to be
  // joined by more of them are not put before byte tokens.
  void spell(std::string_view piece, ModelScratch& scratch) const {
    std::vector<Part>& parts = scratch.parts;
    parts.clear();
    std::optional<Part> waiting;
    for (std::size_t at = 0; at < piece.size();) {
      const std::size_t begin = at;
      at += byte_level_ ? 1 : char_length(piece[at]);
      const std::string_view character = piece.substr(begin, at - begin);
      const TokenId id = byte_level_ ? byte_tokens_[uint8_t(piece[begin])]
                                     : token_of(character, begin == 0, at == piece.size(), scratch);
      if (id >= 0) {
        if (waiting) parts.push_back(*waiting);
        waiting.reset();
        parts.push_back({id, uint32_t(character.size())});
        continue;
      }
      const auto has_token = [&](char byte) { return byte_tokens_[uint8_t(byte)] >= 0; };
      if (rules_.byte_fallback && std::all_of(character.begin(), character.end(), has_token)) {
        for (const char byte : character) parts.push_back({byte_tokens_[uint8_t(byte)], 1});
      } else if (rules_.unknown) {
        if (waiting && !rules_.fuse_unknown) parts.push_back(*waiting);
        const uint32_t more = waiting && rules_.fuse_unknown ? waiting->size : 0;
        waiting = Part{*rules_.unknown, more + uint32_t(character.size())};
      }
    }
    if (waiting) parts.push_back(*waiting);
  }

  TokenId token_of(std::string_view character, bool first, bool last, ModelScratch& scratch) const {
    const std::string_view prefix = first ? std::string_view() : rules_.prefix;
    const std::string_view suffix = last ? std::string_view(rules_.suffix) : std::string_view();
    if (prefix.empty() && suffix.empty()) return find_normal(vocabulary_, character);
    scratch.text.assign(prefix).append(character).append(suffix);
    return find_normal(vocabulary_, scratch.text);
  }

  // Words that are one token, found out once here so that most words of a text need no merging:
  // those that the merges arrive at, or with ignore_merges all that are in the vocabulary.
  void find_whole_words() {
    constexpr std::size_t kMostBytes = 64;
    ModelScratch scratch;
    std::string word;
    for (TokenId id = 0; id < vocabulary_.size(); ++id) {
      if (vocabulary_.kind(id) != TokenKind::normal) continue;
      word.clear();
      if (!byte_level_)
        word = vocabulary_.bytes(id);
      else if (!append_bytes_of_alphabet(vocabulary_.bytes(id), word))
        continue;
      if (word.empty() || (!rules_.ignore_merges && word.size() > kMostBytes)) continue;
      if (!rules_.ignore_merges) {
        spell(word, scratch);
        merger_.merge(scratch.parts, scratch.merger);
        if (scratch.parts.size() != 1 || scratch.parts[0].id != id) continue;
        if (scratch.parts[0].size != word.size()) continue;
      }
      if (whole_.insert(word, id)) longest_whole_ = std::max(longest_whole_, word.size());
    }
  }

  const Vocabulary& vocabulary_;
  const BpeMerger merger_;
  const BpeRules rules_;
  const bool byte_level_;
  std::array<TokenId, 256> byte_tokens_;
  ByteTrie whole_;
  std::size_t longest_whole_ = 0;
};

// "left right", or, in newer files, ["left", "right"].
bool read_merge(const json::value& merge, std::string_view& left, std::string_view& right) {
  if (merge.is_string()) {
    const std::string_view text = merge.get_string();
    const std::size_t space = text.find(' ');
    if (space == text.npos || text.find(' ', space + 1) != text.npos) return false;
    left = text.substr(0, space);
    right = text.substr(space + 1);
    return true;
  }
  if (!merge.is_array() || merge.get_array().size() != 2) return false;
  const json::array& two = merge.get_array();
  if (!two[0].is_string() || !two[1].is_string()) return false;
  left = two[0].get_string();
  right = two[1].get_string();
  return true;
}

Result<std::vector<BpeMerger::Rule>> read_merges(const Component& model,
                                                 const Vocabulary& vocabulary,
                                                 const BpeRules& rules) {
  const json::value* merges = model.member("merges");
  if (merges == nullptr || !merges->is_array()) return model.bad("has no merges");
  std::vector<BpeMerger::Rule> out;
  out.reserve(merges->get_array().size());
  std::string joined;
  for (const json::value& merge : merges->get_array()) {
    const auto refused = [&](const char* why) {
      return model.bad("merge " + std::to_string(out.size()) + " " + why);
    };
    std::string_view left, right;
    if (merge.is_string() && std::string_view(merge.get_string()).starts_with("#version")) continue;
    if (!read_merge(merge, left, right)) return refused("is not two tokens");
    if (right.size() < rules.prefix.size()) return refused("has a token without the prefix");
    joined.assign(left).append(right.substr(rules.prefix.size()));
    const BpeMerger::Rule rule{find_normal(vocabulary, left), find_normal(vocabulary, right),
                               find_normal(vocabulary, joined)};
    if (rule.left < 0 || rule.right < 0) return refused("joins something that is not a token");
    if (rule.id < 0) return refused("makes something that is not a token");
    out.push_back(rule);
  }
  return out;
}

}  // namespace

MadeModel read_bpe(Component& model, const Vocabulary& vocabulary, bool byte_level) {
  BpeRules rules;
  rules.prefix = model.text("continuing_subword_prefix", "");
  rules.suffix = model.text("end_of_word_suffix", "");
  rules.fuse_unknown = model.flag("fuse_unk", false);
  rules.byte_fallback = model.flag("byte_fallback", false);
  rules.ignore_merges = model.flag("ignore_merges", false);
  const std::string_view unknown = model.text("unk_token", "");
  if (!model.status()) return model.status().error();
  if (const json::value* dropout = model.member("dropout");
      dropout != nullptr && !(dropout->is_number() && dropout->to_number<double>() == 0))
    return model.unsupported("dropout");
  const bool affixes = !rules.prefix.empty() || !rules.suffix.empty();
  if (affixes && (byte_level || rules.byte_fallback))
    return model.unsupported("a prefix or suffix of subwords together with bytes");
  if (byte_level && rules.byte_fallback) return model.unsupported("byte_fallback behind ByteLevel");
  if (!unknown.empty()) {
    rules.unknown = find_normal(vocabulary, unknown);
    if (*rules.unknown < 0)
      return model.bad("its unk_token " + quoted_name(unknown) + " is not in its vocab");
  }
  const Result<std::vector<BpeMerger::Rule>> merges = read_merges(model, vocabulary, rules);
  if (!merges) return merges.error();
  return std::unique_ptr<const TokenModel>(
      new Bpe(vocabulary, *merges, std::move(rules), byte_level));
}

}  // namespace serval::tok
