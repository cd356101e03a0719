#include "common/formats/bpe_tokenizer.h"

#include <algorithm>

#include "common/formats/bpe_merger.h"
#include "common/formats/nfc.h"
#include "common/formats/pre_tokenizer.h"
#include "common/utf8.h"

namespace serval {

struct BpeTokenizer::Tables {
  BpeVocabulary vocabulary;
  BpeMerger merger;
  PreTokenizer rules;
  std::vector<bool> whole;       // [vocab] a word with just these bytes is this one token
  std::size_t longest_word = 0;  // bytes of the longest such token
  std::optional<TokenId> bos, eos;
  bool add_bos = false, add_eos = false;
  std::vector<TokenId> end_tokens;

  void find_whole_words();
  void find_end_tokens(std::vector<TokenId> named);
  void encode_plain(std::string_view text, std::string& normalized, BpeMerger::Scratch& scratch,
                    std::vector<TokenId>& out) const;
};

namespace {

// Names under which models end a turn or a text.
constexpr std::string_view kEndNames[] = {
    "<|im_end|>", "<|eot_id|>",    "<|eom_id|>",        "<|endoftext|>",         "<|end_of_text|>",
    "<|end|>",    "<end_of_turn>", "<|end_of_turn|>",   "<|END_OF_TURN_TOKEN|>", "<|return|>",
    "</s>",       "<EOT>",         "<end_of_utterance>"};

Result<std::vector<TokenKind>> read_kinds(const GgufFile& file, std::size_t tokens) {
  constexpr std::string_view kKey = "tokenizer.ggml.token_type";
  if (!file.has(kKey)) return std::vector<TokenKind>(tokens, TokenKind::normal);
  const Result<std::vector<int64_t>> numbers = file.integers(kKey);
  if (!numbers) return numbers.error();
  if (numbers->size() != tokens)
    return invalid(file.path().string() + ": " + std::string(kKey) + " has " +
                   std::to_string(numbers->size()) +
                   " entries, want one a token: " + std::to_string(tokens));
  std::vector<TokenKind> kinds;
  kinds.reserve(tokens);
  for (const int64_t number : *numbers) {
    if (number < int64_t(TokenKind::normal) || number > int64_t(TokenKind::byte))
      return invalid(file.path().string() + ": " + std::string(kKey) + " holds " +
                     std::to_string(number) + ", want 1 to 6");
    kinds.push_back(TokenKind(number));
  }
  return kinds;
}

// Sets `id` if the file has `key`.
Status read_id(const GgufFile& file, std::string_view key, int32_t tokens,
               std::optional<TokenId>& id) {
  if (!file.has(key)) return {};
  const Result<int64_t> number = file.integer(key);
  if (!number) return number.error();
  if (*number < 0 || *number >= tokens)
    return invalid(file.path().string() + ": " + std::string(key) + " is " +
                   std::to_string(*number) + ", the vocabulary has " + std::to_string(tokens) +
                   " tokens");
  id = TokenId(*number);
  return {};
}

Error in_file(const GgufFile& file, Error error) {
  error.message = file.path().string() + ": " + error.message;
  return error;
}

}  // namespace

// With the rules of llama3 every word that is in the vocabulary is taken as it is. Otherwise only
// those that the merges arrive at: found out once here, so that most words of a text need no
// merging.
void BpeTokenizer::Tables::find_whole_words() {
  whole.assign(std::size_t(vocabulary.size()), false);
  BpeMerger::Scratch scratch;
  std::vector<TokenId> ids;
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    const std::string_view bytes = vocabulary.bytes(id);
    if (vocabulary.kind(id) != TokenKind::normal || bytes.empty()) continue;
    if (rules != PreTokenizer::llama3) {
      ids.clear();
      merger.encode(bytes, scratch, ids);
      if (ids.size() != 1 || ids[0] != id) continue;
    }
    whole[std::size_t(id)] = true;
    longest_word = std::max(longest_word, bytes.size());
  }
}

void BpeTokenizer::Tables::find_end_tokens(std::vector<TokenId> named) {
  for (const std::string_view name : kEndNames) {
    const TokenId id = vocabulary.find(name);
    if (id >= 0 && vocabulary.kind(id) == TokenKind::control) named.push_back(id);
  }
  std::sort(named.begin(), named.end());
  named.erase(std::unique(named.begin(), named.end()), named.end());
  end_tokens = std::move(named);
}

Result<BpeTokenizer> BpeTokenizer::from_gguf(const GgufFile& file) {
  const auto model = file.text("tokenizer.ggml.model");
  if (!model) return model.error();
  if (*model != "gpt2")
    return in_file(file,
                   error(Code::unimplemented, "tokenizer \"" + std::string(model->substr(0, 64)) +
                                                  "\" is not supported, only gpt2 is"));
  const auto pre = file.text("tokenizer.ggml.pre");
  if (!pre) return pre.error();
  const Result<PreTokenizer> rules = pre_tokenizer_named(*pre);
  if (!rules) return in_file(file, rules.error());
  const auto texts = file.texts("tokenizer.ggml.tokens");
  if (!texts) return texts.error();
  const auto merges = file.texts("tokenizer.ggml.merges");
  if (!merges) return merges.error();
  Result<std::vector<TokenKind>> kinds = read_kinds(file, texts->size());
  if (!kinds) return kinds.error();
  Result<BpeVocabulary> vocabulary = BpeVocabulary::build(*texts, std::move(*kinds));
  if (!vocabulary) return in_file(file, vocabulary.error());
  Result<BpeMerger> merger = BpeMerger::build(*vocabulary, *merges);
  if (!merger) return in_file(file, merger.error());

  auto tables = std::make_unique<Tables>(
      Tables{std::move(*vocabulary), std::move(*merger), *rules, {}, 0, {}, {}, false, false, {}});
  const int32_t size = tables->vocabulary.size();
  std::optional<TokenId> eot, eom;
  const std::pair<std::string_view, std::optional<TokenId>*> ids[] = {
      {"tokenizer.ggml.bos_token_id", &tables->bos},
      {"tokenizer.ggml.eos_token_id", &tables->eos},
      {"tokenizer.ggml.eot_token_id", &eot},
      {"tokenizer.ggml.eom_token_id", &eom}};
  for (const auto& [key, id] : ids)
    if (Status s = read_id(file, key, size, *id); !s) return s.error();
  // Files of Llama 3 made before the key existed rely on its being true.
  const bool adds_bos = *rules == PreTokenizer::llama3;
  const auto add_bos = file.boolean_or("tokenizer.ggml.add_bos_token", adds_bos);
  if (!add_bos) return add_bos.error();
  const auto add_eos = file.boolean_or("tokenizer.ggml.add_eos_token", false);
  if (!add_eos) return add_eos.error();
  tables->add_bos = *add_bos && tables->bos.has_value();
  tables->add_eos = *add_eos && tables->eos.has_value();
  std::vector<TokenId> named;
  for (const auto& id : {tables->eos, eot, eom})
    if (id) named.push_back(*id);
  tables->find_end_tokens(std::move(named));
  tables->find_whole_words();
  return BpeTokenizer(std::move(tables));
}

BpeTokenizer::BpeTokenizer(std::unique_ptr<const Tables> tables) : tables_(std::move(tables)) {}
BpeTokenizer::BpeTokenizer(BpeTokenizer&&) noexcept = default;
BpeTokenizer& BpeTokenizer::operator=(BpeTokenizer&&) noexcept = default;
BpeTokenizer::~BpeTokenizer() = default;

// REQUIRES: valid UTF-8 without tokens that are to be split out.
void BpeTokenizer::Tables::encode_plain(std::string_view text, std::string& normalized,
                                        BpeMerger::Scratch& scratch,
                                        std::vector<TokenId>& out) const {
  if (rules == PreTokenizer::qwen2 && normalize_nfc(text, normalized)) text = normalized;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, first_word(rules, text));
    text.remove_prefix(word.size());
    const TokenId id = word.size() <= longest_word ? vocabulary.find(word) : -1;
    if (id >= 0 && whole[std::size_t(id)])
      out.push_back(id);
    else
      merger.encode(word, scratch, out);
  }
}

std::vector<TokenId> BpeTokenizer::encode(std::string_view text,
                                          const EncodeOptions& options) const {
  const Tables& t = *tables_;
  std::string replaced;
  if (!is_valid_utf8(text)) {
    replaced = replace_invalid_utf8(text);
    text = replaced;
  }
  std::vector<TokenId> out;
  out.reserve(text.size() / 4 + 8);
  std::string normalized;
  BpeMerger::Scratch scratch;
  if (options.add_special && t.add_bos) out.push_back(*t.bos);
  for (std::size_t done = 0; done < text.size();) {
    BpeVocabulary::Special special{text.size(), 0, -1};
    if (options.parse_special) special = t.vocabulary.find_special(text, done);
    t.encode_plain(text.substr(done, special.at - done), normalized, scratch, out);
    if (special.length > 0) out.push_back(special.id);
    done = special.at + special.length;
  }
  if (options.add_special && t.add_eos) out.push_back(*t.eos);
  return out;
}

std::string_view BpeTokenizer::decode(TokenId token) const {
  return tables_->vocabulary.contains(token) ? tables_->vocabulary.bytes(token)
                                             : std::string_view{};
}

std::string BpeTokenizer::decode(std::span<const TokenId> tokens, bool skip_control) const {
  std::string out;
  for (const TokenId token : tokens)
    if (!skip_control || !is_control(token)) out.append(decode(token));
  return out;
}

int32_t BpeTokenizer::vocab_size() const { return tables_->vocabulary.size(); }

std::optional<TokenId> BpeTokenizer::find(std::string_view bytes) const {
  const TokenId id = tables_->vocabulary.find(bytes);
  return id >= 0 ? std::optional(id) : std::nullopt;
}

bool BpeTokenizer::is_control(TokenId token) const {
  if (!tables_->vocabulary.contains(token)) return false;
  const TokenKind kind = tables_->vocabulary.kind(token);
  return kind == TokenKind::control || kind == TokenKind::unknown;
}

bool BpeTokenizer::is_special(TokenId token) const {
  return is_control(token) || (tables_->vocabulary.contains(token) &&
                               tables_->vocabulary.kind(token) == TokenKind::user_defined);
}

std::optional<TokenId> BpeTokenizer::bos() const { return tables_->bos; }
std::optional<TokenId> BpeTokenizer::eos() const { return tables_->eos; }
bool BpeTokenizer::adds_bos() const { return tables_->add_bos; }
const std::vector<TokenId>& BpeTokenizer::end_tokens() const { return tables_->end_tokens; }

bool BpeTokenizer::is_end(TokenId token) const {
  return std::binary_search(tables_->end_tokens.begin(), tables_->end_tokens.end(), token);
}

}  // namespace serval
