// The first byte picks one of the small vocabularies of both kinds and one of the pre-tokenizers,
// the rest is a text to encode. Encoding must lose nothing but the bytes for which the vocabulary
// has no token.
#include <cstdlib>
#include <string>
#include <vector>

#include "common/formats/nfc.h"
#include "common/formats/tokenizer_gguf.h"
#include "common/utf8.h"

namespace {

using serval::PreTokenizer;
using serval::Tokenizer;
using serval::TokenizerData;

struct Case {
  bool bpe, nfc, space_prefix;
  Tokenizer tokenizer;
};

serval::GgufFile golden(const char* name) {
  auto file = serval::open_gguf(std::string(SERVAL_GOLDEN_DIR "/tokenizer/") + name);
  if (!file) std::abort();
  return std::move(*file);
}

void add(std::vector<Case>& all, const TokenizerData& data) {
  auto tokenizer = Tokenizer::build(data);
  if (!tokenizer) std::abort();
  const bool bpe = data.kind == TokenizerData::Kind::byte_bpe;
  all.push_back({bpe, bpe && data.rules.nfc, data.space_prefix, std::move(*tokenizer)});
}

std::vector<Case> make_cases() {
  std::vector<Case> all;
  const serval::GgufFile bpe_file = golden("tiny-gpt-2.gguf");
  auto bpe = serval::read_tokenizer_data(bpe_file);
  if (!bpe) std::abort();
  for (const char* pre : {"gpt-2", "smollm", "qwen2", "qwen35", "llama-bpe", "deepseek-llm",
                          "deepseek-coder", "deepseek-v3"}) {
    bpe->rules = *serval::bpe_rules_named(pre);
    add(all, *bpe);
  }
  const serval::GgufFile spm_file = golden("tiny-spm.gguf");
  auto spm = serval::read_tokenizer_data(spm_file);
  if (!spm) std::abort();
  for (const bool prefix : {false, true}) {
    spm->space_prefix = prefix;
    add(all, *spm);
  }
  return all;
}

std::string bytes_with_tokens(const Tokenizer& tokenizer, const std::string& text) {
  std::string out;
  for (const char c : text)
    if (tokenizer.find({&c, 1})) out += c;
  return out;
}

std::string normal_form(std::string text) {
  std::string normal;
  if (!serval::normalize_nfc(text, normal)) return text;
  std::string again;
  if (serval::normalize_nfc(normal, again) && again != normal) std::abort();
  return normal;
}

// What decoding the encoded text must give.
std::string expected(const Case& c, std::string text) {
  if (c.bpe) return bytes_with_tokens(c.tokenizer, c.nfc ? normal_form(std::move(text)) : text);
  constexpr std::string_view kSpaceMark = "\u2581";
  for (std::size_t at = 0; (at = text.find(kSpaceMark, at)) != text.npos;)
    text.replace(at, kSpaceMark.size(), " ");
  return c.space_prefix && !text.empty() ? " " + text : text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  static const std::vector<Case> all = make_cases();
  if (size == 0) return 0;
  const Case& c = all[data[0] % all.size()];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string text = serval::replace_invalid_utf8(bytes);
  if (!serval::is_valid_utf8(text)) std::abort();
  if (c.tokenizer.decode(c.tokenizer.encode(bytes), false) != expected(c, text)) std::abort();
  c.tokenizer.encode(bytes, {.parse_special = true, .add_special = true});
  return 0;
}
