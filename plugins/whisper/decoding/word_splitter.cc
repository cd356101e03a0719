#include "plugins/whisper/decoding/word_splitter.h"

#include "common/utf8.h"
#include "plugins/whisper/decoding/text_strip.h"

namespace serval::whisper {
namespace {

constexpr std::string_view kPunctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
constexpr char32_t kReplacement = 0xFFFD;

std::u32string characters(std::string_view text) {
  std::u32string out;
  while (!text.empty()) {
    const Utf8Char next = next_utf8(text);
    out += next.code;
    text.remove_prefix(next.length);
  }
  return out;
}

// The smallest runs of tokens that spell whole characters. A U+FFFD that the whole row has at the
// same place will not be mended by later tokens.
std::vector<TokenWord> split_characters(const SpeechTokenizer& tokenizer,
                                        std::span<const TokenId> tokens) {
  const std::u32string whole = characters(tokenizer.decode_with_timestamps(tokens));
  std::vector<TokenWord> out;
  std::vector<TokenId> current;
  std::size_t done = 0;  // characters
  for (const TokenId token : tokens) {
    current.push_back(token);
    std::string text = tokenizer.decode_with_timestamps(current);
    const std::u32string spelled = characters(text);
    const std::size_t broken = spelled.find(kReplacement);
    if (broken != spelled.npos &&
        (done + broken >= whole.size() || whole[done + broken] != kReplacement))
      continue;
    done += spelled.size();
    out.push_back({std::move(text), std::move(current)});
    current.clear();
  }
  return out;
}

}  // namespace

std::vector<TokenWord> split_words(const SpeechTokenizer& tokenizer, std::string_view language_code,
                                   std::span<const TokenId> tokens) {
  std::vector<TokenWord> parts = split_characters(tokenizer, tokens);
  if (is_written_without_spaces(language_code)) return parts;
  std::vector<TokenWord> out;
  for (TokenWord& part : parts) {
    const bool special = !tokenizer.is_text(part.tokens[0]);
    const bool punctuation = kPunctuation.find(stripped(part.text)) != kPunctuation.npos;
    if (out.empty() || special || punctuation || part.text.starts_with(' ')) {
      out.push_back(std::move(part));
      continue;
    }
    out.back().text += part.text;
    out.back().tokens.insert(out.back().tokens.end(), part.tokens.begin(), part.tokens.end());
  }
  return out;
}

}  // namespace serval::whisper
