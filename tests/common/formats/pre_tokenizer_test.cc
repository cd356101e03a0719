#include "common/formats/pre_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace serval {
namespace {

using testing::ElementsAre;

std::vector<std::string> words(PreTokenizer rules, std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    out.emplace_back(text.substr(0, first_word(rules, text)));
    text.remove_prefix(out.back().size());
  }
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

TEST(PreTokenizer, IsFoundByName) {
  EXPECT_EQ(*pre_tokenizer_named("smollm"), PreTokenizer::smollm);
  EXPECT_EQ(*pre_tokenizer_named("qwen2"), PreTokenizer::qwen2);
  EXPECT_EQ(*pre_tokenizer_named("llama-bpe"), PreTokenizer::llama3);
  EXPECT_EQ(*pre_tokenizer_named("gpt-2"), PreTokenizer::gpt2);
  const auto unknown = pre_tokenizer_named("poro-chat");
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message.find("\"poro-chat\""), std::string::npos);
}

}  // namespace
}  // namespace serval
