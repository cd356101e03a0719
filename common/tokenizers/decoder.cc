#include "common/tokenizers/decoder.h"

#include <charconv>
#include <optional>

#include "common/formats/vocabulary.h"
#include "common/utf8.h"

namespace serval::tok {
namespace {

std::string with_replaced(std::string_view text, std::string_view from, std::string_view to) {
  if (from.empty()) return std::string(text);
  std::string out;
  for (std::size_t at; (at = text.find(from)) != text.npos;) {
    out.append(text.substr(0, at)).append(to);
    text.remove_prefix(at + from.size());
  }
  return out.append(text);
}

// Spaces that tokenizers leave before punctuation and within English contractions.
std::string cleaned(std::string text) {
  constexpr std::pair<std::string_view, std::string_view> kRules[] = {
      {" .", "."},   {" ?", "?"},     {" !", "!"},    {" ,", ","},
      {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
      {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [from, to] : kRules) text = with_replaced(text, from, to);
  return text;
}

std::optional<char> named_byte(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
  uint8_t byte = 0;
  const auto [end, failed] = std::from_chars(token.data() + 3, token.data() + 5, byte, 16);
  if (failed != std::errc() || end != token.data() + 5) return std::nullopt;
  return char(byte);
}

}  // namespace

void WordPieceDecoder::apply(std::vector<std::string>& tokens) const {
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (i > 0) {
      if (tokens[i].starts_with(prefix_))
        tokens[i].erase(0, prefix_.size());
      else
        tokens[i].insert(0, " ");
    }
    if (cleanup_) tokens[i] = cleaned(std::move(tokens[i]));
  }
}

void ByteLevelDecoder::apply(std::vector<std::string>& tokens) const {
  std::string out;
  for (const std::string& token : tokens)
    if (!append_bytes_of_alphabet(token, out)) out += token;
  tokens.assign(1, replace_invalid_utf8(out));
}

void MetaspaceDecoder::apply(std::vector<std::string>& tokens) const {
  for (std::size_t i = 0; i < tokens.size(); ++i)
    tokens[i] = with_replaced(tokens[i], mark_, i == 0 && drop_first_ ? "" : " ");
}

void ByteFallbackDecoder::apply(std::vector<std::string>& tokens) const {
  std::vector<std::string> out;
  std::string bytes;
  const auto end_bytes = [&] {
    if (bytes.empty()) return;
    if (is_valid_utf8(bytes))
      out.push_back(bytes);
    else
      out.insert(out.end(), bytes.size(), "\uFFFD");
    bytes.clear();
  };
  for (std::string& token : tokens) {
    if (const std::optional<char> byte = named_byte(token)) {
      bytes += *byte;
      continue;
    }
    end_bytes();
    out.push_back(std::move(token));
  }
  end_bytes();
  tokens = std::move(out);
}

void FuseDecoder::apply(std::vector<std::string>& tokens) const {
  std::string out;
  for (const std::string& token : tokens) out += token;
  tokens.assign(1, std::move(out));
}

void StripDecoder::apply(std::vector<std::string>& tokens) const {
  for (std::string& token : tokens) {
    std::string_view left = token;
    for (std::size_t i = 0; i < start_ && left.starts_with(character_); ++i)
      left.remove_prefix(character_.size());
    for (std::size_t i = 0; i < stop_ && left.ends_with(character_); ++i)
      left.remove_suffix(character_.size());
    token = std::string(left);
  }
}

void ReplaceDecoder::apply(std::vector<std::string>& tokens) const {
  for (std::string& token : tokens) {
    std::string out;
    std::size_t done = 0;
    pattern_.each_match(token, [&](std::size_t begin, std::size_t end) {
      out.append(token, done, begin - done).append(content_);
      done = end;
    });
    if (done > 0) token = out.append(token, done);
  }
}

void SuffixDecoder::apply(std::vector<std::string>& tokens) const {
  for (std::size_t i = 0; i < tokens.size(); ++i)
    tokens[i] = with_replaced(tokens[i], suffix_, i + 1 == tokens.size() ? "" : " ");
}

}  // namespace serval::tok
