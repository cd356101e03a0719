#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>

#include "common/formats/tokenizer_gguf.h"
#include "tiny_tokenizer.h"

namespace serval {
namespace {

using testing::ElementsAre;

// "Ġ" is a space, "Ċ" a newline in the alphabet of byte-level vocabularies.
TinyVocabulary abc() {
  return {"qwen2",
          {"a",    "b", "c", "Ġ",  "Ċ",  "ab",         "bc",     "abc",     "Ġa",    "aa",
           "aaaa", "Ã", "©", "Ã©", "zz", "<|im_end|>", "<tool>", "<tool>x", "<unk>", "[PAD]"},
          {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 3, 4, 4, 2, 5},
          {"b c", "a b", "a bc", "Ġ a", "a a", "aa aa", "Ã ©"}};
}

Tokenizer tokenizer_of(const GgufWriter& writer) {
  Result<Tokenizer> made = make_tokenizer(writer);
  if (!made) throw std::runtime_error(made.error().message);
  return std::move(*made);
}

TEST(BpeTokenizer, MergesByRankThenFromTheLeft) {
  const Tokenizer t = tokenizer_of(abc().writer());
  EXPECT_THAT(t.encode("abc"), ElementsAre(7));  // b c before a b
  EXPECT_THAT(t.encode("ab"), ElementsAre(5));
  EXPECT_THAT(t.encode("aaa"), ElementsAre(9, 0));  // the left pair first
  EXPECT_THAT(t.encode("aaaaa"), ElementsAre(10, 0));
  EXPECT_THAT(t.encode("b a\n"), ElementsAre(1, 8, 4));
  EXPECT_THAT(t.encode(""), ElementsAre());
}

TEST(BpeTokenizer, DropsBytesWithoutAToken) {
  const Tokenizer t = tokenizer_of(abc().writer());
  EXPECT_THAT(t.encode("aXb"), ElementsAre(5)) << "the neighbours of a dropped byte may merge";
  EXPECT_THAT(t.encode("zz"), ElementsAre()) << "no merge arrives at the token zz";
  EXPECT_THAT(t.encode("e\xcc\x81"), ElementsAre(13)) << "NFC joins e and the accent to é";
}

TEST(BpeTokenizer, SpecialTokensAreTextUnlessAskedFor) {
  const Tokenizer t = tokenizer_of(abc().writer());
  const EncodeOptions special{.parse_special = true};
  EXPECT_THAT(t.encode("a<|im_end|>b", special), ElementsAre(0, 15, 1));
  EXPECT_THAT(t.encode("a<|im_end|>b"), ElementsAre(0, 1));
  EXPECT_THAT(t.encode("<tool>x<tool>", special), ElementsAre(17, 16)) << "the longest wins";
  EXPECT_THAT(t.encode("<<tool><tool", special), ElementsAre(16));
  EXPECT_THAT(t.encode("[PAD]", special), ElementsAre()) << "unused entries are no added tokens";
}

TEST(BpeTokenizer, LooksTokensUpBothWays) {
  const Tokenizer t = tokenizer_of(abc().writer());
  EXPECT_EQ(t.vocab_size(), 20);
  EXPECT_EQ(t.decode(8), " a");
  EXPECT_EQ(t.decode(4), "\n");
  EXPECT_EQ(t.decode(11), "\xc3");
  EXPECT_EQ(t.decode(13), "\xc3\xa9");
  EXPECT_EQ(t.decode(15), "<|im_end|>");
  EXPECT_EQ(t.decode(-1), "");
  EXPECT_EQ(t.decode(20), "");
  EXPECT_EQ(t.find(" a"), 8);
  EXPECT_EQ(t.find("<tool>"), 16);
  EXPECT_EQ(t.find("none"), std::nullopt);
  EXPECT_EQ(t.find(""), std::nullopt);
  EXPECT_TRUE(t.is_control(15));
  EXPECT_TRUE(t.is_control(18));
  EXPECT_FALSE(t.is_control(16));
  EXPECT_FALSE(t.is_control(0));
  EXPECT_FALSE(t.is_control(99));
  EXPECT_TRUE(t.is_special(16));
  EXPECT_FALSE(t.is_special(19));
  const std::vector<TokenId> ids = {0, 15, 8, 16};
  EXPECT_EQ(t.decode(ids, true), "a a<tool>");
  EXPECT_EQ(t.decode(ids, false), "a<|im_end|> a<tool>");
}

TEST(BpeTokenizer, KnowsTheEndTokens) {
  const Tokenizer by_name = tokenizer_of(abc().writer());
  EXPECT_THAT(by_name.end_tokens(), ElementsAre(15));
  EXPECT_EQ(by_name.eos(), std::nullopt);
  GgufWriter writer = abc().writer();
  writer.add("tokenizer.ggml.eos_token_id", uint32_t{2});
  writer.add("tokenizer.ggml.eot_token_id", uint32_t{1});
  const Tokenizer by_id = tokenizer_of(writer);
  EXPECT_THAT(by_id.end_tokens(), ElementsAre(1, 2, 15));
  EXPECT_EQ(by_id.eos(), 2);
  EXPECT_TRUE(by_id.is_end(15));
  EXPECT_FALSE(by_id.is_end(3));
}

TEST(BpeTokenizer, AddsBosAndEosWhereTheFileAsks) {
  GgufWriter writer = abc().writer();
  writer.add("tokenizer.ggml.bos_token_id", uint32_t{3}).add("tokenizer.ggml.add_bos_token", true);
  writer.add("tokenizer.ggml.eos_token_id", uint32_t{4}).add("tokenizer.ggml.add_eos_token", true);
  const Tokenizer t = tokenizer_of(writer);
  EXPECT_TRUE(t.adds_bos());
  EXPECT_THAT(t.encode("a", {.add_special = true}), ElementsAre(3, 0, 4));
  EXPECT_THAT(t.encode("a"), ElementsAre(0));
  EXPECT_FALSE(tokenizer_of(abc().writer()).adds_bos());
}

TEST(BpeTokenizer, Llama3TakesWordsOfTheVocabularyWhole) {
  TinyVocabulary v = abc();
  v.pre = "llama-bpe";
  const Tokenizer t = tokenizer_of(v.writer());
  EXPECT_THAT(t.encode("zz"), ElementsAre(14));
}

TEST(BpeTokenizer, InvalidUtf8IsReadAsReplacementCharacters) {
  TinyVocabulary v = abc();
  v.tokens.insert(v.tokens.end(), {"ï", "¿", "½"});  // EF BF BD
  v.kinds.insert(v.kinds.end(), {1, 1, 1});
  const Tokenizer t = tokenizer_of(v.writer());
  EXPECT_THAT(t.encode("a\xff"), ElementsAre(0, 20, 21, 22));
  EXPECT_THAT(t.encode("\xf0\x9f\x98"), ElementsAre(20, 21, 22));
  EXPECT_THAT(t.encode("\xed\xa0\x80"), ElementsAre(20, 21, 22, 20, 21, 22, 20, 21, 22));
}

// Quadratic merging or scanning would take hours here.
TEST(BpeTokenizer, LongWordsStayCheap) {
  const Tokenizer t = tokenizer_of(abc().writer());
  const std::size_t million = 1 << 20;
  EXPECT_EQ(t.encode(std::string(million, 'a')).size(), million / 4);
  EXPECT_EQ(t.encode(std::string(million, ' ')).size(), million);
  EXPECT_EQ(t.encode(std::string(million, '\n')).size(), million);
  EXPECT_EQ(t.encode(std::string(million, '<'), {.parse_special = true}).size(), 0u);
  std::string words, marks, spaces;
  for (std::size_t i = 0; i < million / 4; ++i) {
    words += "abca";
    marks += "\xcc\xb4\xcd\x85";  // two marks in the wrong order, a row of 500,000
    spaces += "  \n ";
  }
  EXPECT_EQ(t.encode(words).size(), million / 2);
  EXPECT_EQ(t.encode("a" + marks).size(), 1u);
  EXPECT_EQ(t.encode(spaces).size(), million);
}

// A word above the border between the two ways of merging gives what the short way gives.
TEST(BpeTokenizer, ShortAndLongWordsMergeAlike) {
  const Tokenizer t = tokenizer_of(abc().writer());
  for (std::size_t length = 1; length < 80; ++length) {
    std::vector<TokenId> want(length / 4, 10);
    if (length % 4 >= 2) want.push_back(9);
    if (length % 2 == 1) want.push_back(0);
    EXPECT_EQ(t.encode(std::string(length, 'a')), want) << length;
  }
}

TEST(BpeTokenizer, ManyThreadsMayEncode) {
  const Tokenizer t = tokenizer_of(abc().writer());
  const std::string text = "abc aaaa\nab e\xcc\x81 " + std::string(500, 'a');
  const std::vector<TokenId> want = t.encode(text);
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int round = 0; round < 200; ++round) wrong += t.encode(text) != want;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace serval
