// Files that are not understood are refused by name; hostile ones end in an error, never in a
// crash.
#include <gtest/gtest.h>
#include <random>

#include "golden_texts.h"

namespace serval {
namespace {

// A small file with one part replaced, or added.
std::string file_with(const std::string& key, const std::string& value) {
  const std::pair<const char*, std::string> kParts[] = {
      {"version", R"("1.0")"},
      {"added_tokens", R"([{"id": 0, "content": "[CLS]", "special": true}])"},
      {"normalizer", R"({"type": "Lowercase"})"},
      {"pre_tokenizer", R"({"type": "Whitespace"})"},
      {"post_processor", R"({"type": "BertProcessing", "cls": ["[CLS]", 0], "sep": ["a", 1]})"},
      {"decoder", R"({"type": "WordPiece"})"},
      {"model", R"({"type": "WordLevel", "unk_token": "a", "vocab": {"[CLS]": 0, "a": 1}})"}};
  std::string out = "{";
  for (const auto& [name, part] : kParts)
    out += (out.size() > 1 ? ", \"" : "\"") + std::string(name) +
           "\": " + (name == key ? value : part);
  return out + "}";
}

std::string refusal(const std::string& text) {
  const Result<TextTokenizer> tokenizer = TextTokenizer::parse(text, "file");
  return tokenizer ? "accepted" : tokenizer.error().message;
}

TEST(TextTokenizerRefusal, TheSmallFileIsGood) {
  EXPECT_EQ(refusal(file_with("", "")), "accepted");
  for (const char* key :
       {"version", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder"})
    EXPECT_EQ(refusal(file_with(key, "null")), "accepted") << key;
}

struct Case {
  const char* key;
  const char* value;
  const char* message;
};

TEST(TextTokenizerRefusal, WhatIsNotKnownIsNamed) {
  const Case kCases[] = {
      {"version", R"("2.0")", R"(file: version "2.0" is not supported)"},
      {"normalizer", R"({"type": "Sequence", "normalizers": [{"type": "Rot13"}]})",
       R"(file: normalizer 0: normalizer "Rot13" is not supported)"},
      {"pre_tokenizer", R"({"type": "UnicodeScripts"})",
       R"(file: pre_tokenizer: pre-tokenizer "UnicodeScripts" is not supported)"},
      {"pre_tokenizer",
       R"({"type": "Split", "pattern": {"Regex": "(?<=a)b"}, "behavior": "Isolated"})",
       R"(file: pre_tokenizer: the expression has a group that begins with "(?<", which is not supported)"},
      {"pre_tokenizer", R"({"type": "Split", "pattern": {"String": "b"}, "behavior": "Shredded"})",
       R"(file: pre_tokenizer: behavior "Shredded" is not supported)"},
      {"pre_tokenizer", R"({"type": "Sequence", "pretokenizers": [
         {"type": "ByteLevel", "add_prefix_space": false}, {"type": "Whitespace"}]})",
       "file: pre_tokenizer 1: a pre-tokenizer behind ByteLevel is not supported"},
      {"pre_tokenizer", R"({"type": "ByteLevel", "add_prefix_space": false})",
       R"(file: model: ByteLevel before a model of type "WordLevel" is not supported)"},
      {"post_processor", R"({"type": "Zipper"})",
       R"(file: post_processor: post-processor "Zipper" is not supported)"},
      {"decoder", R"({"type": "CTC"})", R"(file: decoder: decoder "CTC" is not supported)"},
      {"model", R"({"type": "Neural", "vocab": {}})",
       R"(file: model: a model of type "Neural" is not supported)"},
      {"model", R"({"type": "BPE", "dropout": 0.1, "vocab": {"[CLS]": 0, "a": 1}, "merges": []})",
       "file: model: dropout is not supported"},
      {"model", R"({"type": "Unigram", "vocab": [["[CLS]", 0], ["a", -1]]})",
       "file: model: a Unigram model without unk_id is not supported"}};
  for (const Case& c : kCases) EXPECT_EQ(refusal(file_with(c.key, c.value)), c.message);
}

TEST(TextTokenizerRefusal, WhatIsMalformedIsNamed) {
  const Case kCases[] = {
      {"model", "null", "file: model: has no vocab"},
      {"model", "7", "file: model: is no object"},
      {"model", R"({"type": "WordLevel", "vocab": {"[CLS]": 0, "a": 1}})",
       R"(file: model: lacks "unk_token", a text)"},
      {"model", R"({"type": "WordLevel", "unk_token": "b", "vocab": {"[CLS]": 0, "a": 1}})",
       R"(file: model: its unk_token "b" is not in its vocab)"},
      {"model", R"({"type": "WordLevel", "unk_token": "a", "vocab": {"[CLS]": 0, "a": 0}})",
       R"(file: model: tokens "[CLS]" and "a" have the same id)"},
      {"model", R"({"type": "WordLevel", "unk_token": "a", "vocab": {"[CLS]": 0, "a": 4000000}})",
       R"(file: model: token "a" has an impossible id)"},
      {"model", R"({"type": "WordLevel", "unk_token": "a", "vocab": {"[CLS]": 0, "a": -1}})",
       R"(file: model: token "a" has an impossible id)"},
      {"model", R"({"type": "BPE", "vocab": {"[CLS]": 0, "a": 1}, "merges": ["a a"]})",
       "file: model: merge 0 makes something that is not a token"},
      {"model", R"({"type": "BPE", "vocab": {"[CLS]": 0, "a": 1}, "merges": [["a", "b"]]})",
       "file: model: merge 0 joins something that is not a token"},
      {"model", R"({"type": "BPE", "vocab": {"[CLS]": 0, "a": 1}, "merges": ["a"]})",
       "file: model: merge 0 is not two tokens"},
      {"model", R"({"type": "Unigram", "unk_id": 2, "vocab": [["[CLS]", 0], ["a", -1]]})",
       R"(file: model: "unk_id" is no number from 0 to 1)"},
      {"model", R"({"type": "Unigram", "unk_id": 0, "vocab": [["[CLS]", 0], ["a", "b"]]})",
       R"(file: model: token "a" has no score)"},
      {"model", R"({"type": "WordPiece", "unk_token": "a", "vocab": [["[CLS]", 1], ["a", 1]]})",
       "file: model: its vocab is not that of its type"},
      {"added_tokens", R"([{"content": "new"}])", "file 0: has no id"},
      {"added_tokens", R"([{"content": "new", "id": 1}])", R"(file 0: has the id of "a")"},
      {"added_tokens", R"([{"content": "new", "id": 4000000}])",
       "file 0: has an id far beyond the others"},
      {"added_tokens", R"([{"id": 7}])", R"(file 0: lacks "content", a text)"},
      {"post_processor", R"({"type": "BertProcessing", "cls": ["[CLS]", 2], "sep": ["a", 1]})",
       "file: post_processor: has a token that is not in the vocabulary"},
      {"post_processor",
       R"({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x"}}],
         "pair": [], "special_tokens": {}})",
       R"(file: post_processor 0: names "x", which has no ids)"},
      {"normalizer", R"({"type": "Precompiled", "precompiled_charsmap": "!"})",
       "file: normalizer: its precompiled_charsmap is not base64"},
      {"normalizer", R"({"type": "Precompiled", "precompiled_charsmap": "/////w=="})",
       "file: normalizer: its precompiled_charsmap has a trie of an impossible size"},
      {"pre_tokenizer", R"({"type": "Metaspace", "replacement": "ab"})",
       R"(file: pre_tokenizer: "replacement" is not one character)"}};
  for (const Case& c : kCases) EXPECT_EQ(refusal(file_with(c.key, c.value)), c.message);
  EXPECT_EQ(refusal("[]"), "file: is no object");
  EXPECT_NE(refusal("{").find("file: "), std::string::npos);
}

// A table of replacements that points anywhere: the sanitizers see whether it is followed.
TEST(TextTokenizerRefusal, RandomCharsmaps) {
  std::mt19937 random(1);
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (int round = 0; round < 300; ++round) {
    std::string table =
        "QAAAA";  // 64 bytes of trie; what comes behind is no longer aligned to that
    for (int i = 0; i < 100; ++i) table += kDigits[random() % 64];
    const Result<TextTokenizer> tokenizer = TextTokenizer::parse(
        file_with("normalizer",
                  R"({"type": "Precompiled", "precompiled_charsmap": ")" + table + "\"}"),
        "file");
    if (tokenizer) (void)tokenizer->encode("aé\u0301 \uFF21\u0301 b\r\nc");
  }
}

// Files with bytes changed or parts taken from elsewhere: an error or a tokenizer that works.
TEST(TextTokenizerRefusal, DamagedFiles) {
  std::mt19937 random(2);
  const std::vector<std::string> texts = golden_texts();
  int accepted = 0;
  for (const char* name : {"word-level", "t5"}) {
    const std::string good = read_golden(std::string("text_tokenizer/") + name + ".json");
    for (int round = 0; round < 150; ++round) {
      std::string bad = good;
      for (int change = int(random() % 4); change >= 0; --change) {
        const std::size_t at = random() % (round % 2 == 0 ? 1200 : bad.size());
        const std::size_t size = random() % 12;
        const std::size_t from = random() % 1200;
        bad.replace(at, size, good.substr(from, random() % 12));
      }
      const Result<TextTokenizer> tokenizer = TextTokenizer::parse(bad, "file");
      if (!tokenizer) continue;
      ++accepted;
      for (std::size_t i = 0; i < 20; ++i) {
        const std::string& text = texts[(std::size_t(round) * 20 + i) % texts.size()];
        const TextEncoding row = tokenizer->encode(text);
        ASSERT_EQ(row.ids.size(), row.offsets.size());
        (void)tokenizer->decode(row.ids, false);
      }
    }
  }
  EXPECT_GT(accepted, 0);
}

}  // namespace
}  // namespace serval
