#include "common/formats/tokenizer.h"

#include <algorithm>

#include "common/formats/bpe_encoder.h"
#include "common/formats/special_tokens.h"
#include "common/formats/spm_encoder.h"
#include "common/formats/vocabulary.h"
#include "common/utf8.h"

namespace serval {

struct Tokenizer::Tables {
  Tables(Vocabulary built, std::initializer_list<TokenKind> special_kinds)
      : vocabulary(std::move(built)), specials(vocabulary, special_kinds) {}

  Vocabulary vocabulary;
  SpecialTokens specials;  // split out by parse_special
  std::unique_ptr<TextEncoder> encoder;
  std::optional<TokenId> bos, eos;
  bool add_bos = false, add_eos = false;
  std::vector<TokenId> end_tokens;
};

namespace {

// Names under which models end a turn or a text.
constexpr std::string_view kEndNames[] = {
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|end|>",
    "<end_of_turn>",
    "<|end_of_turn|>",
    "<|END_OF_TURN_TOKEN|>",
    "<|return|>",
    "</s>",
    "<EOT>",
    "[EOT]",
    "<end_of_utterance>",
    "<\uFF5Cend\u2581of\u2581sentence\uFF5C>",
};

Status check_id(const char* name, std::optional<int64_t> id, int32_t tokens) {
  if (!id || (*id >= 0 && *id < tokens)) return {};
  return invalid(std::string(name) + " is " + std::to_string(*id) + ", the vocabulary has " +
                 std::to_string(tokens) + " tokens");
}

std::vector<TokenId> find_end_tokens(const Vocabulary& vocabulary, const TokenizerData& data) {
  std::vector<TokenId> ids(data.ends.begin(), data.ends.end());
  if (data.eos) ids.push_back(TokenId(*data.eos));
  for (const std::string_view name : kEndNames) {
    const TokenId id = vocabulary.find(name);
    if (id >= 0 && vocabulary.kind(id) == TokenKind::control) ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

}  // namespace

Result<Tokenizer> Tokenizer::build(const TokenizerData& data) {
  std::vector<TokenKind> kinds = data.kinds;
  if (kinds.empty()) kinds.assign(data.tokens.size(), TokenKind::normal);
  if (kinds.size() != data.tokens.size())
    return invalid("the list of token kinds has " + std::to_string(kinds.size()) +
                   " entries, want one a token: " + std::to_string(data.tokens.size()));
  const bool bpe = data.kind == TokenizerData::Kind::byte_bpe;
  Result<Vocabulary> vocabulary = Vocabulary::build(
      data.tokens, std::move(kinds), bpe ? Spelling::byte_alphabet : Spelling::sentencepiece);
  if (!vocabulary) return vocabulary.error();
  const int32_t size = vocabulary->size();
  if (Status s = check_id("bos_token_id", data.bos, size); !s) return s.error();
  if (Status s = check_id("eos_token_id", data.eos, size); !s) return s.error();
  if (Status s = check_id("unknown_token_id", data.unknown, size); !s) return s.error();
  for (const int64_t id : data.ends)
    if (Status s = check_id("an end token's id", id, size); !s) return s.error();

  auto tables = std::make_unique<Tables>(
      std::move(*vocabulary),
      bpe ? std::initializer_list<TokenKind>{TokenKind::control, TokenKind::unknown,
                                             TokenKind::user_defined}
          : std::initializer_list<TokenKind>{TokenKind::control, TokenKind::unknown});
  auto encoder =
      bpe ? make_bpe_encoder(tables->vocabulary, data) : make_spm_encoder(tables->vocabulary, data);
  if (!encoder) return encoder.error();
  tables->encoder = std::move(*encoder);
  if (data.bos) tables->bos = TokenId(*data.bos);
  if (data.eos) tables->eos = TokenId(*data.eos);
  tables->add_bos = data.add_bos && data.bos.has_value();
  tables->add_eos = data.add_eos && data.eos.has_value();
  tables->end_tokens = find_end_tokens(tables->vocabulary, data);
  return Tokenizer(std::move(tables));
}

Tokenizer::Tokenizer(std::unique_ptr<const Tables> tables) : tables_(std::move(tables)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

std::vector<TokenId> Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  const Tables& t = *tables_;
  std::string replaced;
  if (!is_valid_utf8(text)) {
    replaced = replace_invalid_utf8(text);
    text = replaced;
  }
  std::vector<TokenId> out;
  out.reserve(text.size() / 4 + 8);
  if (options.add_special && t.add_bos) out.push_back(*t.bos);
  for (std::size_t done = 0; done < text.size();) {
    SpecialTokens::Match special{text.size(), 0, -1};
    if (options.parse_special) special = t.specials.find(t.vocabulary, text, done);
    t.encoder->encode(text.substr(done, special.at - done), out);
    if (special.length > 0) out.push_back(special.id);
    done = special.at + special.length;
  }
  if (options.add_special && t.add_eos) out.push_back(*t.eos);
  return out;
}

std::string_view Tokenizer::decode(TokenId token) const {
  return tables_->vocabulary.contains(token) ? tables_->vocabulary.bytes(token)
                                             : std::string_view{};
}

std::string Tokenizer::decode(std::span<const TokenId> tokens, bool skip_control) const {
  std::string out;
  for (const TokenId token : tokens)
    if (!skip_control || !is_control(token)) out.append(decode(token));
  return out;
}

int32_t Tokenizer::vocab_size() const { return tables_->vocabulary.size(); }

std::optional<TokenId> Tokenizer::find(std::string_view bytes) const {
  const TokenId id = tables_->vocabulary.find(bytes);
  return id >= 0 ? std::optional(id) : std::nullopt;
}

bool Tokenizer::is_control(TokenId token) const {
  return tables_->vocabulary.contains(token) && serval::is_control(tables_->vocabulary.kind(token));
}

bool Tokenizer::is_special(TokenId token) const {
  return is_control(token) || (tables_->vocabulary.contains(token) &&
                               tables_->vocabulary.kind(token) == TokenKind::user_defined);
}

std::optional<TokenId> Tokenizer::bos() const { return tables_->bos; }
std::optional<TokenId> Tokenizer::eos() const { return tables_->eos; }
bool Tokenizer::adds_bos() const { return tables_->add_bos; }
const std::vector<TokenId>& Tokenizer::end_tokens() const { return tables_->end_tokens; }

bool Tokenizer::is_end(TokenId token) const {
  return std::binary_search(tables_->end_tokens.begin(), tables_->end_tokens.end(), token);
}

}  // namespace serval
