#include "common/tokenizers/text_tokenizer.h"

#include <gtest/gtest.h>
#include <thread>

#include "golden_texts.h"

namespace serval {
namespace {

using Ids = std::vector<TokenId>;

// BERT in a nutshell.
TextTokenizer nutshell() {
  auto out = TextTokenizer::parse(R"({
    "added_tokens": [{"id": 0, "content": "[CLS]", "special": true},
                     {"id": 1, "content": "[SEP]", "special": true},
                     {"id": 9, "content": "Extra", "normalized": true, "special": false}],
    "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                   "strip_accents": null, "lowercase": true},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": {"type": "BertProcessing", "cls": ["[CLS]", 0], "sep": ["[SEP]", 1]},
    "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
    "truncation": {"max_length": 3, "strategy": "LongestFirst", "stride": 0},
    "padding": {"strategy": {"Fixed": 16}, "pad_id": 0},
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
              "max_input_chars_per_word": 8,
              "vocab": {"[CLS]": 0, "[SEP]": 1, "[UNK]": 2, "hello": 3, "##s": 4, "w": 5,
                        "##o": 6, "hel": 7, ".": 8}}})",
                                  "nutshell");
  if (!out) throw std::runtime_error(out.error().message);
  return std::move(*out);
}

TEST(TextTokenizer, SingleText) {
  const TextTokenizer tokenizer = nutshell();
  const TextEncoding row = tokenizer.encode("Héllos  WO.");
  EXPECT_EQ(row.ids, (Ids{0, 3, 4, 5, 6, 8, 1}));
  EXPECT_EQ(row.type_ids, (std::vector<uint8_t>{0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(row.special, (std::vector<uint8_t>{1, 0, 0, 0, 0, 0, 1}));
  EXPECT_EQ(row.offsets,
            (std::vector<TextSpan>{{0, 0}, {0, 5}, {5, 6}, {8, 9}, {9, 10}, {10, 11}, {0, 0}}));
  EXPECT_FALSE(row.truncated) << "the file's own limit and padding are not used";
}

TEST(TextTokenizer, LongestPieceFirstElseUnknown) {
  const TextTokenizer tokenizer = nutshell();
  const TextEncodeOptions plain{.add_special = false};
  EXPECT_EQ(tokenizer.encode("hellos hels hel hex", plain).ids, (Ids{3, 4, 7, 4, 7, 2}));
  EXPECT_EQ(tokenizer.encode("wooooooo", plain).ids, (Ids{5, 6, 6, 6, 6, 6, 6, 6}));
  EXPECT_EQ(tokenizer.encode("woooooooo", plain).ids, (Ids{2})) << "nine characters";
}

TEST(TextTokenizer, Pair) {
  const TextTokenizer tokenizer = nutshell();
  const TextEncoding row = tokenizer.encode_pair("hello", "w.");
  EXPECT_EQ(row.ids, (Ids{0, 3, 1, 5, 8, 1}));
  EXPECT_EQ(row.type_ids, (std::vector<uint8_t>{0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(row.sequences, (std::vector<uint8_t>{0, 0, 0, 1, 1, 0}));
  EXPECT_EQ(row.special, (std::vector<uint8_t>{1, 0, 1, 0, 0, 1}));
  EXPECT_EQ(row.offsets[4], (TextSpan{1, 2})) << "in the second text";
  EXPECT_EQ(tokenizer.special_count(true), 3u);
  EXPECT_EQ(tokenizer.special_count(false), 2u);
}

TEST(TextTokenizer, Truncation) {
  const TextTokenizer tokenizer = nutshell();
  TextEncodeOptions options{.max_tokens = 4};
  TextEncoding row = tokenizer.encode("hello . w", options);
  EXPECT_EQ(row.ids, (Ids{0, 3, 8, 1}));
  EXPECT_TRUE(row.truncated);
  options.truncation_side = TruncationSide::left;
  row = tokenizer.encode("hello . w", options);
  EXPECT_EQ(row.ids, (Ids{0, 8, 5, 1}));
  EXPECT_EQ(row.offsets[2], (TextSpan{8, 9}));
  options.max_tokens = 5;
  EXPECT_FALSE(tokenizer.encode("hello . w", options).truncated);
  options.max_tokens = 1;
  row = tokenizer.encode("hello", options);
  EXPECT_EQ(row.ids, (Ids{0, 1})) << "the special ones are always there";
  EXPECT_TRUE(row.truncated);
}

TEST(TextTokenizer, LongerOfAPairIsCutFirst) {
  const TextTokenizer tokenizer = nutshell();
  const auto ids = [&](const char* a, const char* b, std::size_t most) {
    return tokenizer.encode_pair(a, b, {.add_special = false, .max_tokens = most}).ids;
  };
  EXPECT_EQ(ids("w", "hello . w . w", 4), (Ids{5, 3, 8, 5}));
  EXPECT_EQ(ids("hello . w . w", "w", 4), (Ids{3, 8, 5, 5}));
  EXPECT_EQ(ids("hello . w .", "w . hello .", 5), (Ids{3, 8, 5, 8, 3}));
}

TEST(TextTokenizer, AnyBytes) {
  const TextTokenizer tokenizer = nutshell();
  EXPECT_EQ(tokenizer.encode("", {.add_special = false}).ids, Ids{});
  EXPECT_EQ(tokenizer.encode("").ids, (Ids{0, 1}));
  const TextEncoding row = tokenizer.encode("\xFFhello\xE2\x82 w", {.add_special = false});
  EXPECT_EQ(row.ids, (Ids{3, 5}));
  EXPECT_EQ(row.offsets, (std::vector<TextSpan>{{1, 6}, {8, 9}})) << "each bad row is a character";
}

TEST(TextTokenizer, AddedTokens) {
  const TextTokenizer tokenizer = nutshell();
  EXPECT_EQ(tokenizer.encode("[SEP]w[CLS]", {.add_special = false}).ids, (Ids{1, 5, 0}));
  EXPECT_EQ(tokenizer.encode("EXTRAw", {.add_special = false}).ids, (Ids{9, 5}))
      << "found once both are in lower case";
  EXPECT_TRUE(tokenizer.is_special(0));
  EXPECT_FALSE(tokenizer.is_special(9));
  EXPECT_FALSE(tokenizer.is_special(3));
}

TEST(TextTokenizer, TokensAndBack) {
  const TextTokenizer tokenizer = nutshell();
  EXPECT_EQ(tokenizer.vocab_size(), 10);
  EXPECT_EQ(tokenizer.token_text(4), "##s");
  EXPECT_EQ(tokenizer.token_text(9), "Extra");
  EXPECT_EQ(tokenizer.token_text(-1), "");
  EXPECT_EQ(tokenizer.token_text(10), "");
  EXPECT_EQ(tokenizer.find("##s"), 4);
  EXPECT_EQ(tokenizer.find("##t"), std::nullopt);
  EXPECT_EQ(tokenizer.find(""), std::nullopt);
  const Ids ids{0, 3, 4, 8, 1, 77, -5};
  EXPECT_EQ(tokenizer.decode(ids, true), "hellos.");
  EXPECT_EQ(tokenizer.decode(ids, false), "[CLS] hellos. [SEP]");
  EXPECT_EQ(tokenizer.decode({}, false), "");
}

// For the thread sanitizer, which sees what two threads share.
TEST(TextTokenizer, ThreadsShareOne) {
  for (const char* name : {"bert-cased", "modernbert", "xlm-r"}) {
    const TextTokenizer tokenizer = golden_tokenizer(name);
    std::vector<std::string> texts = golden_texts();
    texts.resize(300);
    std::vector<Ids> rows[2];
    const auto encode_all = [&](std::vector<Ids>& out) {
      for (const std::string& text : texts) out.push_back(tokenizer.encode(text).ids);
    };
    std::thread other(encode_all, std::ref(rows[0]));
    encode_all(rows[1]);
    other.join();
    EXPECT_EQ(rows[0], rows[1]);
  }
}

}  // namespace
}  // namespace serval
