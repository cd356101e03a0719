// SentencePiece vocabularies of a few tokens. Equality with the library: tokenizer_golden_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>

#include "common/formats/tokenizer.h"

namespace serval {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr TokenKind kNormal = TokenKind::normal, kByte = TokenKind::byte;

struct Token {
  std::string_view text;
  TokenKind kind = kNormal;
  float score = 0;
};

TokenizerData data_of(const std::vector<Token>& tokens) {
  TokenizerData data;
  data.kind = TokenizerData::Kind::sentencepiece;
  for (const Token& token : tokens) {
    data.tokens.push_back(token.text);
    data.kinds.push_back(token.kind);
    data.scores.push_back(token.score);
  }
  return data;
}

const std::vector<Token> kTokens = {
    {"<unk>", TokenKind::unknown},
    {"<bos>", TokenKind::control},
    {"<end_of_turn>", TokenKind::control},
    {"<tag>", TokenKind::user_defined},
    {"\u2581\u2581", TokenKind::user_defined},
    {"\u2581", kNormal, -9},  // 5
    {"a", kNormal, -9},
    {"b", kNormal, -9},
    {"c", kNormal, -9},
    {"ab", kNormal, -2},
    {"bc", kNormal, -1},  // 10
    {"abc", kNormal, -3},
    {"\u2581a", kNormal, -4},
    {"aa", kNormal, -5},
    {"aaaa", kNormal, -6},
    {"xy", kNormal, -1},  // 15: x and y are no tokens
    {"cc", TokenKind::unused, 0},
};

Tokenizer tokenizer_of(const TokenizerData& data) {
  Result<Tokenizer> made = Tokenizer::build(data);
  if (!made) throw std::runtime_error(made.error().message);
  return std::move(*made);
}

Tokenizer with_all_bytes(std::vector<Token> tokens, bool space_prefix = false) {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> made;
    for (int byte = 0; byte < 256; ++byte) {
      const char* digits = "0123456789ABCDEF";
      made.push_back(std::string("<0x") + digits[byte / 16] + digits[byte % 16] + ">");
    }
    return made;
  }();
  for (const std::string& name : names) tokens.push_back({name, kByte});
  TokenizerData data = data_of(tokens);
  data.space_prefix = space_prefix;
  data.bos = 1;
  data.add_bos = true;
  data.unknown = 0;
  return tokenizer_of(data);
}

TEST(Spm, MergesByScoreThenFromTheLeft) {
  const Tokenizer t = with_all_bytes(kTokens);
  EXPECT_THAT(t.encode("abc"), ElementsAre(11)) << "bc comes first, then a and bc";
  EXPECT_THAT(t.encode("aaa"), ElementsAre(13, 6));
  EXPECT_THAT(t.encode("aaaaa"), ElementsAre(14, 6));
  EXPECT_THAT(t.encode("b a"), ElementsAre(7, 12));
  EXPECT_THAT(t.encode("xy"), ElementsAre(15)) << "made of characters that are no tokens";
  EXPECT_THAT(t.encode("cc"), ElementsAre(8, 8)) << "unused tokens are never made";
  EXPECT_THAT(t.encode(""), ElementsAre());
}

TEST(Spm, SpellsWhatHasNoTokenInBytes) {
  const Tokenizer t = with_all_bytes(kTokens);
  const TokenId byte0 = TokenId(kTokens.size());
  EXPECT_THAT(t.encode("a\u00e9b"), ElementsAre(6, byte0 + 0xC3, byte0 + 0xA9, 7));
  EXPECT_THAT(t.encode("\n"), ElementsAre(byte0 + '\n'));
  EXPECT_THAT(t.encode(std::string_view("\0", 1)), ElementsAre(byte0));
  EXPECT_THAT(t.encode("\xff"), ElementsAre(byte0 + 0xEF, byte0 + 0xBF, byte0 + 0xBD));
  EXPECT_EQ(t.decode(byte0 + 0xC3), "\xC3");
  EXPECT_EQ(t.find("\xC3"), byte0 + 0xC3);
  EXPECT_EQ(t.find("a"), 6) << "before the byte";
}

TEST(Spm, WithoutAllBytesThereIsTheUnknownToken) {
  std::vector<Token> tokens = kTokens;
  tokens.push_back({"<0x0A>", kByte});
  TokenizerData data = data_of(tokens);
  data.unknown = 0;
  EXPECT_THAT(tokenizer_of(data).encode("a\n\u00e9b\u00e9"), ElementsAre(6, 0, 7, 0));
  data.unknown.reset();
  EXPECT_THAT(tokenizer_of(data).encode("a\n\u00e9b\u00e9"), ElementsAre(6, 7));
}

TEST(Spm, UserDefinedTokensAreFoundInAnyText) {
  const Tokenizer t = with_all_bytes(kTokens);
  EXPECT_THAT(t.encode("a<tag>a"), ElementsAre(6, 3, 6));
  EXPECT_THAT(t.encode("   a"), ElementsAre(4, 12));
  EXPECT_THAT(t.encode("\u2581 a"), ElementsAre(4, 6)) << "the mark is a space";
  EXPECT_EQ(t.decode(4), "  ");
  EXPECT_EQ(t.decode(12), " a");
}

TEST(Spm, ControlTokensAreTextUnlessAskedFor) {
  const Tokenizer t = with_all_bytes(kTokens);
  EXPECT_THAT(t.encode("a<end_of_turn>a", {.parse_special = true}), ElementsAre(6, 2, 6));
  EXPECT_EQ(t.encode("a<end_of_turn>a").size(), 15u);
  EXPECT_THAT(t.encode("a", {.add_special = true}), ElementsAre(1, 6));
  EXPECT_THAT(t.end_tokens(), ElementsAre(2));
  EXPECT_TRUE(t.is_control(2));
  EXPECT_FALSE(t.is_control(3));
}

TEST(Spm, ASpaceGoesInFrontOfEachText) {
  const Tokenizer t = with_all_bytes(kTokens, true);
  EXPECT_THAT(t.encode("a"), ElementsAre(12));
  EXPECT_THAT(t.encode(" a"), ElementsAre(4, 6)) << "two spaces are a token";
  EXPECT_THAT(t.encode("<end_of_turn>a", {.parse_special = true}), ElementsAre(2, 12));
  EXPECT_THAT(t.encode("<tag>a"), ElementsAre(5, 3, 6));
  EXPECT_THAT(t.encode(""), ElementsAre());
}

// Quadratic merging would take hours here.
TEST(Spm, LongTextsStayCheap) {
  const Tokenizer t = with_all_bytes(kTokens);
  const std::size_t many = 1 << 20;
  EXPECT_EQ(t.encode(std::string(many, 'a')).size(), many / 4);
  EXPECT_EQ(t.encode(std::string(many, ' ')).size(), many / 2);
  EXPECT_EQ(t.encode(std::string(many, '<'), {.parse_special = true}).size(), many);
  std::string words;
  for (std::size_t i = 0; i < many / 4; ++i) words += "abca";
  EXPECT_EQ(t.encode(words).size(), many / 2);
}

TEST(Spm, EveryEndTokenOfTheModelEndsAnAnswer) {
  std::vector<Token> tokens = kTokens;
  tokens.push_back({"<\uFF5Cend\u2581of\u2581sentence\uFF5C>", TokenKind::control});
  tokens.push_back({"</s>", TokenKind::user_defined});  // as the tag it is in Gemma's vocabulary
  TokenizerData data = data_of(tokens);
  data.eos = 1;
  data.ends = {9, 10};
  EXPECT_THAT(tokenizer_of(data).end_tokens(), ElementsAre(1, 2, 9, 10, 17));
  data.ends = {99};
  EXPECT_EQ(Tokenizer::build(data).error().message,
            "an end token's id is 99, the vocabulary has 19 tokens");
}

std::string refusal(const TokenizerData& data) {
  const Result<Tokenizer> made = Tokenizer::build(data);
  return made ? "accepted" : made.error().message;
}

TEST(Spm, BadVocabulariesAreRefused) {
  EXPECT_EQ(refusal(data_of(kTokens)), "accepted");
  TokenizerData data = data_of(kTokens);
  data.scores.pop_back();
  EXPECT_THAT(refusal(data), HasSubstr("there are 16 scores, want one a token: 17"));
  data = data_of(kTokens);
  data.scores[3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(refusal(data), HasSubstr("the score of token 3 is not a number"));
  data = data_of(kTokens);
  data.unknown = 17;
  EXPECT_THAT(refusal(data), HasSubstr("unknown_token_id is 17"));
  for (const std::string_view name : {"<0xG0>", "<0x0>", "0x00", "<0x-1>"})
    EXPECT_THAT(refusal(data_of({{name, kByte}})), HasSubstr("not spelt <0xNN>")) << name;
  const std::string long_token(2000, 'a');
  EXPECT_THAT(refusal(data_of({{long_token}})), HasSubstr("token 0 has 2000 bytes"));
}

}  // namespace
}  // namespace serval
