#include "common/formats/pre_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "common/formats/bpe_rules.h"

namespace serval {
namespace {

using testing::ElementsAre;

std::vector<std::string> words(PreTokenizer rules, std::string_view text) {
  std::vector<std::string> out;
  cut_words(rules, text, [&](std::string_view word) { out.emplace_back(word); });
  return out;
}

TEST(PreTokenizer, Gpt2) {
  const auto w = [](std::string_view text) { return words(PreTokenizer::gpt2, text); };
  EXPECT_THAT(w("Hello, it's 2024!"), ElementsAre("Hello", ",", " it", "'s", " 2024", "!"));
  EXPECT_THAT(w("I'LL"), ElementsAre("I", "'", "LL"));
  EXPECT_THAT(w("a   b"), ElementsAre("a", "  ", " b"));
  EXPECT_THAT(w("a  \n"), ElementsAre("a", "  \n"));
  EXPECT_THAT(w("a\tb"), ElementsAre("a", "\t", "b"));
}

TEST(PreTokenizer, SmollmTakesDigitsOneByOne) {
  const auto w = [](std::string_view text) { return words(PreTokenizer::smollm, text); };
  EXPECT_THAT(w("x 2024y"), ElementsAre("x", " ", "2", "0", "2", "4", "y"));
  EXPECT_THAT(w("   7"), ElementsAre("   ", "7")) << "the text ends before a digit";
  EXPECT_THAT(w("\u00bd\u0663"), ElementsAre("\u00bd", "\u0663"));
}

TEST(PreTokenizer, Qwen2) {
  const auto w = [](std::string_view text) { return words(PreTokenizer::qwen2, text); };
  EXPECT_THAT(w("I'LL don'T'\u017f"), ElementsAre("I", "'LL", " don", "'T", "'\u017f"));
  EXPECT_THAT(w("(foo) .bar"), ElementsAre("(foo", ")", " .", "bar"));
  EXPECT_THAT(w("12 3"), ElementsAre("1", "2", " ", "3"));
  EXPECT_THAT(w("a;\n\n b"), ElementsAre("a", ";\n\n", " b"));
  EXPECT_THAT(w(" \n \t x"), ElementsAre(" \n", " \t", " x"));
  EXPECT_THAT(w("\tx"), ElementsAre("\tx"));
}

TEST(PreTokenizer, Llama3TakesUpToThreeDigits) {
  EXPECT_THAT(words(PreTokenizer::llama3, "1234567 x"), ElementsAre("123", "456", "7", " x"));
}

TEST(PreTokenizer, Qwen35TakesMarksForLetters) {
  const auto w = [](std::string_view text) { return words(PreTokenizer::qwen35, text); };
  EXPECT_THAT(w("a\u0301b c"), ElementsAre("a\u0301b", " c"));
  EXPECT_THAT(w(" \u0301.\u0301"), ElementsAre(" \u0301", ".\u0301"));
  EXPECT_THAT(words(PreTokenizer::qwen2, "a\u0301b"), ElementsAre("a", "\u0301b"));
}

TEST(PreTokenizer, DeepseekV3) {
  const auto w = [](std::string_view text) { return words(PreTokenizer::deepseek_v3, text); };
  EXPECT_THAT(w("x 12345"), ElementsAre("x", " ", "123", "45"));
  EXPECT_THAT(w("a.b =c"), ElementsAre("a", ".b", " =", "c"));
  EXPECT_THAT(w("\u4e2d\u6587\u3042abc"), ElementsAre("\u4e2d\u6587\u3042", "abc"));
  EXPECT_THAT(w("a  \n\n b"), ElementsAre("a", "  \n\n", " b"));
  EXPECT_THAT(w("\u0001\u0002a\u0001"), ElementsAre("\u0001", "\u0002a", "\u0001"));
}

TEST(PreTokenizer, DeepseekCoder) {
  const auto w = [](std::string_view text) { return words(PreTokenizer::deepseek_coder, text); };
  EXPECT_THAT(w("a  b\r\n"), ElementsAre("a", " ", " b", "\r", "\n"));
  EXPECT_THAT(w("f(x) 12=3"), ElementsAre("f", "(", "x", ")", " ", "1", "2", "=", "3"));
}

TEST(PreTokenizer, DeepseekLlm) {
  const auto w = [](std::string_view text) { return words(PreTokenizer::deepseek_llm, text); };
  EXPECT_THAT(w("a 12  "), ElementsAre("a", " ", "1", "2", "  "));
  EXPECT_THAT(w("a+b \u4e2d\u6587"), ElementsAre("a", "+", "b", " ", "\u4e2d\u6587"));
}

// Rows of what a pattern skips must not be looked at again and again.
TEST(PreTokenizer, LongRowsStayCheap) {
  const std::size_t many = 1 << 20;
  for (const auto rules : {PreTokenizer::qwen35, PreTokenizer::deepseek_llm,
                           PreTokenizer::deepseek_coder, PreTokenizer::deepseek_v3}) {
    for (const std::string_view piece : {" ", "7", "a", "\n", "\u0001", "\u4e2d", " \u0001", "."}) {
      std::string text;
      while (text.size() < many) text += piece;
      std::size_t bytes = 0;
      cut_words(rules, text + "\u0002", [&](std::string_view word) { bytes += word.size(); });
      EXPECT_EQ(bytes, text.size() + 1) << int(rules) << piece;
    }
  }
}

TEST(PreTokenizer, IsFoundByName) {
  EXPECT_EQ(bpe_rules_named("smollm")->words, PreTokenizer::smollm);
  EXPECT_EQ(bpe_rules_named("gpt-2")->words, PreTokenizer::gpt2);
  EXPECT_EQ(bpe_rules_named("deepseek-v3")->words, PreTokenizer::deepseek_v3);
  const auto qwen = bpe_rules_named("qwen2");
  EXPECT_EQ(qwen->words, PreTokenizer::qwen2);
  EXPECT_TRUE(qwen->nfc);
  EXPECT_FALSE(qwen->whole_words);
  const auto llama = bpe_rules_named("llama-bpe");
  EXPECT_EQ(llama->words, PreTokenizer::llama3);
  EXPECT_TRUE(llama->whole_words && llama->adds_bos);
  const auto unknown = bpe_rules_named("poro-chat");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Code::unimplemented);
  EXPECT_THAT(unknown.error().message, testing::HasSubstr("\"poro-chat\""));
  EXPECT_THAT(unknown.error().message, testing::HasSubstr("qwen2, deepseek-r1-qwen, qwen35"));
}

}  // namespace
}  // namespace serval
