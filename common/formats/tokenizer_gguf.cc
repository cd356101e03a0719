#include "common/formats/tokenizer_gguf.h"

#include <string>

namespace serval {
namespace {

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

// Sets `value` if the file has `key`.
Status read_id(const GgufFile& file, std::string_view key, std::optional<int64_t>& value) {
  if (!file.has(key)) return {};
  const Result<int64_t> number = file.integer(key);
  if (!number) return number.error();
  value = *number;
  return {};
}

Status read_flag(const GgufFile& file, std::string_view key, bool absent, bool& value) {
  const Result<bool> flag = file.boolean_or(key, absent);
  if (!flag) return flag.error();
  value = *flag;
  return {};
}

Error in_file(const GgufFile& file, Error error) {
  error.message = file.path().string() + ": " + error.message;
  return error;
}

Status read_bpe(const GgufFile& file, TokenizerData& data) {
  const auto pre = file.text("tokenizer.ggml.pre");
  if (!pre) return pre.error();
  const Result<BpeRules> rules = bpe_rules_named(*pre);
  if (!rules) return in_file(file, rules.error());
  data.kind = TokenizerData::Kind::byte_bpe;
  data.rules = *rules;
  data.add_bos = rules->adds_bos;
  return {};
}

// What files of this kind leave out, they mean as Llama 2 has it.
Status read_spm(const GgufFile& file, TokenizerData& data) {
  data.kind = TokenizerData::Kind::sentencepiece;
  data.unknown = 0;
  data.bos = 1;
  data.eos = 2;
  data.add_bos = true;
  if (Status s = read_id(file, "tokenizer.ggml.unknown_token_id", data.unknown); !s) return s;
  return read_flag(file, "tokenizer.ggml.add_space_prefix", true, data.space_prefix);
}

}  // namespace

Result<TokenizerData> read_tokenizer_data(const GgufFile& file) {
  TokenizerData data;
  const auto model = file.text("tokenizer.ggml.model");
  if (!model) return model.error();
  const bool bpe = *model == "gpt2";
  if (!bpe && *model != "llama")
    return in_file(
        file, error(Code::unimplemented, "tokenizer \"" + std::string(model->substr(0, 64)) +
                                             "\" is not supported; supported are gpt2 and llama"));
  if (Status s = bpe ? read_bpe(file, data) : read_spm(file, data); !s) return s.error();
  auto texts = file.texts("tokenizer.ggml.tokens");
  if (!texts) return texts.error();
  data.tokens = std::move(*texts);
  if (bpe) {
    auto merges = file.texts("tokenizer.ggml.merges");
    if (!merges) return merges.error();
    data.merges = std::move(*merges);
  } else {
    auto scores = file.reals("tokenizer.ggml.scores");
    if (!scores) return scores.error();
    data.scores = std::move(*scores);
  }
  auto kinds = read_kinds(file, data.tokens.size());
  if (!kinds) return kinds.error();
  data.kinds = std::move(*kinds);

  if (Status s = read_id(file, "tokenizer.ggml.bos_token_id", data.bos); !s) return s.error();
  if (Status s = read_id(file, "tokenizer.ggml.eos_token_id", data.eos); !s) return s.error();
  for (const char* key : {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
    std::optional<int64_t> id;
    if (Status s = read_id(file, key, id); !s) return s.error();
    if (id) data.ends.push_back(*id);
  }
  if (Status s = read_flag(file, "tokenizer.ggml.add_bos_token", data.add_bos, data.add_bos); !s)
    return s.error();
  if (Status s = read_flag(file, "tokenizer.ggml.add_eos_token", false, data.add_eos); !s)
    return s.error();
  return data;
}

Result<Tokenizer> tokenizer_from_gguf(const GgufFile& file) {
  const Result<TokenizerData> data = read_tokenizer_data(file);
  if (!data) return data.error();
  Result<Tokenizer> tokenizer = Tokenizer::build(*data);
  if (!tokenizer) return in_file(file, tokenizer.error());
  return tokenizer;
}

}  // namespace serval
