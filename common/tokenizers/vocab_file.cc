#include "common/tokenizers/tokenizer_parts.h"

namespace serval::tok {
namespace {

bool flag_of(const json::value& config, const char* key, bool fallback) {
  const json::value* found = config.is_object() ? config.get_object().if_contains(key) : nullptr;
  return found != nullptr && found->is_bool() ? found->get_bool() : fallback;
}

// A token of the configuration, given plainly or as an object with `content`.
std::string token_of(const json::value& config, const char* key, const char* fallback) {
  const json::value* found = config.is_object() ? config.get_object().if_contains(key) : nullptr;
  if (found != nullptr && found->is_object()) found = found->get_object().if_contains("content");
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : fallback;
}

}  // namespace

Result<json::value> tokenizer_of_vocab(std::string_view vocab, const json::value& config,
                                       const std::string& name) {
  if (!is_valid_utf8(vocab)) return error(Code::data_loss, name + ": is not UTF-8");
  json::object ids;
  int64_t next = 0;
  for (; !vocab.empty(); ++next) {
    const std::size_t end = std::min(vocab.find('\n'), vocab.size());
    std::string_view line = vocab.substr(0, end);
    vocab.remove_prefix(std::min(end + 1, vocab.size()));
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
    if (!ids.emplace(line, next).second)
      return error(Code::data_loss,
                   name + ": line " + std::to_string(next + 1) + " is there twice");
  }
  const std::string unknown = token_of(config, "unk_token", "[UNK]");
  const std::string cls = token_of(config, "cls_token", "[CLS]");
  const std::string sep = token_of(config, "sep_token", "[SEP]");
  json::array added;
  for (const std::string& token : {unknown, cls, sep, token_of(config, "pad_token", "[PAD]"),
                                   token_of(config, "mask_token", "[MASK]")})
    if (const json::value* id = ids.if_contains(token))
      added.push_back({{"id", *id}, {"content", token}, {"special", true}, {"normalized", false}});
  for (const std::string& token : {cls, sep})
    if (!ids.contains(token)) return error(Code::data_loss, name + ": lacks the token " + token);
  const bool lower = flag_of(config, "do_lower_case", true);
  json::object out;
  out["added_tokens"] = std::move(added);
  out["normalizer"] = {{"type", "BertNormalizer"},
                       {"clean_text", true},
                       {"handle_chinese_chars", flag_of(config, "tokenize_chinese_chars", true)},
                       {"strip_accents", flag_of(config, "strip_accents", lower)},
                       {"lowercase", lower}};
  out["pre_tokenizer"] = {{"type", "BertPreTokenizer"}};
  out["post_processor"] = {{"type", "BertProcessing"},
                           {"sep", json::array{sep, ids[sep]}},
                           {"cls", json::array{cls, ids[cls]}}};
  out["decoder"] = {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}};
  out["model"] = {{"type", "WordPiece"},
                  {"unk_token", unknown},
                  {"continuing_subword_prefix", "##"},
                  {"max_input_chars_per_word", 100},
                  {"vocab", std::move(ids)}};
  return json::value(std::move(out));
}

}  // namespace serval::tok
