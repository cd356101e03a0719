// Vocabularies that must not load, and the words they are refused with.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tiny_tokenizer.h"

namespace serval {
namespace {

using testing::HasSubstr;

std::string refusal(const GgufWriter& writer) {
  const Result<Tokenizer> made = make_tokenizer(writer);
  return made ? "accepted" : made.error().message;
}

TinyVocabulary ab() { return {"qwen2", {"a", "b", "ab"}, {}, {"a b"}}; }

TEST(TokenizerRefusal, TheSmallestVocabularyIsAccepted) {
  EXPECT_EQ(refusal(ab().writer()), "accepted");
}

TEST(TokenizerRefusal, UnknownKindsAreNamed) {
  GgufWriter writer;
  writer.add("tokenizer.ggml.model", "rwkv");
  EXPECT_THAT(refusal(writer), HasSubstr("tokenizer \"rwkv\" is not supported"));
  EXPECT_EQ(make_tokenizer(writer).error().code, Code::unimplemented);
  TinyVocabulary v = ab();
  v.pre = "dolphin";
  EXPECT_THAT(refusal(v.writer()), HasSubstr("pre-tokenizer \"dolphin\" is not supported"));
  EXPECT_EQ(make_tokenizer(v.writer()).error().code, Code::unimplemented);
}

TEST(TokenizerRefusal, MissingKeysAreNamed) {
  GgufWriter writer;
  EXPECT_THAT(refusal(writer), HasSubstr("\"tokenizer.ggml.model\""));
  writer.add("tokenizer.ggml.model", "gpt2");
  EXPECT_THAT(refusal(writer), HasSubstr("\"tokenizer.ggml.pre\""));
  writer.add("tokenizer.ggml.pre", "qwen2");
  EXPECT_THAT(refusal(writer), HasSubstr("\"tokenizer.ggml.tokens\""));
  writer.add("tokenizer.ggml.tokens", std::vector<std::string>{"a"});
  EXPECT_THAT(refusal(writer), HasSubstr("\"tokenizer.ggml.merges\""));
}

TEST(TokenizerRefusal, TokenTypesMustFit) {
  TinyVocabulary v = ab();
  v.kinds = {1, 1};
  EXPECT_THAT(refusal(v.writer()), HasSubstr("has 2 entries, want one a token: 3"));
  v.kinds = {1, 1, 7};
  EXPECT_THAT(refusal(v.writer()), HasSubstr("holds 7, want 1 to 6"));
  v = ab();
  v.tokens.push_back(std::string(2000, '<'));
  v.kinds = {1, 1, 1, 3};
  EXPECT_THAT(refusal(v.writer()), HasSubstr("token 3 is special and has 2000 bytes"));
}

TEST(TokenizerRefusal, MergesMustMakeTokens) {
  const auto with = [](std::string merge) {
    TinyVocabulary v = ab();
    v.merges.push_back(std::move(merge));
    return refusal(v.writer());
  };
  EXPECT_THAT(with("ab"), HasSubstr("merge 1 is not two tokens"));
  EXPECT_THAT(with(" b"), HasSubstr("merge 1 is not two tokens"));
  EXPECT_THAT(with("a "), HasSubstr("merge 1 is not two tokens"));
  EXPECT_THAT(with("a c"), HasSubstr("joins something that is not a token"));
  EXPECT_THAT(with("b a"), HasSubstr("makes something that is not a token"));
  EXPECT_THAT(with("a \xe4\xb8\xad"), HasSubstr("outside the byte alphabet"));
}

TEST(TokenizerRefusal, IdsMustBeInTheVocabulary) {
  GgufWriter writer = ab().writer();
  writer.add("tokenizer.ggml.eos_token_id", uint32_t{3});
  EXPECT_THAT(refusal(writer), HasSubstr("eos_token_id is 3, the vocabulary has 3 tokens"));
  GgufWriter text = ab().writer();
  text.add("tokenizer.ggml.bos_token_id", "a");
  EXPECT_THAT(refusal(text), HasSubstr("want an integer"));
  GgufWriter flag = ab().writer();
  flag.add("tokenizer.ggml.add_bos_token", uint32_t{1});
  EXPECT_THAT(refusal(flag), HasSubstr("want a bool"));
}

}  // namespace
}  // namespace serval
