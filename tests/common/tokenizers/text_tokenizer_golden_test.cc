// Equality with the `tokenizers` package on 10,000 strings, as tools/golden/text_tokenizer.py
// (which describes the files) found it: ids, offsets, type ids, special flags, pairs, truncation,
// decoding.
#include <gtest/gtest.h>

#include "golden_texts.h"
#include "test_models.h"

namespace serval {
namespace {

class Hash {
 public:
  void add(std::string_view bytes) {
    for (const char c : bytes) value_ = (value_ ^ uint8_t(c)) * 0x01000193;
  }
  void add(uint32_t number) {
    for (int i = 0; i < 4; ++i) value_ = (value_ ^ (number >> 8 * i & 0xFF)) * 0x01000193;
  }
  void add(const TextEncoding& row) {
    add(uint32_t(row.ids.size()));
    for (std::size_t i = 0; i < row.ids.size(); ++i) {
      add(uint32_t(row.ids[i]));
      add(row.offsets[i].begin);
      add(row.offsets[i].end);
      add(uint32_t(row.type_ids[i]));
      add(uint32_t(row.special[i]));
    }
  }
  uint32_t value() const { return value_; }

 private:
  uint32_t value_ = 0x811C9DC5;
};

std::string with_replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

void expect_equal_rows(const TextTokenizer& tokenizer, const std::string& name,
                       std::string_view mask, std::string_view separator) {
  std::vector<std::string> texts = golden_texts();
  for (std::string& text : texts)
    text = with_replaced(with_replaced(text, "<|im_start|>", mask), "<|endoftext|>", separator);
  const std::string golden = read_golden("text_tokenizer/" + name + ".gold");
  ByteReader in(std::as_bytes(std::span(golden)));
  int wrong = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    Hash hash;
    const TextEncoding single = tokenizer.encode(texts[i]);
    hash.add(single);
    hash.add(tokenizer.decode(single.ids, i % 2 == 1));
    TextEncodeOptions options{.max_tokens = 8 + i % 57};
    options.truncation_side = i % 3 == 2 ? TruncationSide::left : TruncationSide::right;
    hash.add(tokenizer.encode_pair(texts[i], texts[(i + 1) % texts.size()], options));
    options.add_special = false;
    hash.add(tokenizer.encode(texts[i], options));
    if (hash.value() == in.read<uint32_t>()) continue;
    if (++wrong <= 10)
      ADD_FAILURE() << "string " << i << ": " << testing::PrintToString(texts[i].substr(0, 200));
  }
  EXPECT_EQ(wrong, 0) << "of " << texts.size();
  EXPECT_EQ(texts.size(), 10000u);
  EXPECT_FALSE(in.overrun());
  EXPECT_EQ(in.left(), 0u);
}

void expect_equal_rows(const std::string& name, std::string_view mask = "[MASK]",
                       std::string_view separator = "[SEP]") {
  expect_equal_rows(golden_tokenizer(name), name, mask, separator);
}

TEST(TextTokenizerGolden, BertCased) { expect_equal_rows("bert-cased"); }
TEST(TextTokenizerGolden, Roberta) { expect_equal_rows("roberta", "<mask>", "</s>"); }
TEST(TextTokenizerGolden, ModernBert) { expect_equal_rows("modernbert"); }
TEST(TextTokenizerGolden, Qwen) { expect_equal_rows("qwen"); }
TEST(TextTokenizerGolden, ExpressionThatIsNotBuiltIn) { expect_equal_rows("o200k"); }
TEST(TextTokenizerGolden, XlmR) { expect_equal_rows("xlm-r", "<mask>", "</s>"); }
TEST(TextTokenizerGolden, T5) { expect_equal_rows("t5", "<extra_id_0>", "</s>"); }
TEST(TextTokenizerGolden, Albert) { expect_equal_rows("albert"); }
TEST(TextTokenizerGolden, Gemma) { expect_equal_rows("gemma", "<mask>", "<eos>"); }
TEST(TextTokenizerGolden, BpeWithPrefixAndSuffix) { expect_equal_rows("clip"); }
TEST(TextTokenizerGolden, WordLevel) { expect_equal_rows("word-level"); }

void expect_equal_pack(const std::string& name, std::string_view mask, std::string_view separator) {
  const Result<TextTokenizer> tokenizer = TextTokenizer::load(test_model_path(name));
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  expect_equal_rows(*tokenizer, name, mask, separator);
}

TEST(TextTokenizerGolden, AllMiniLm) {
  SERVAL_NEED_MODEL(test_model_path("all-minilm-l6-v2/tokenizer.json"));
  expect_equal_pack("all-minilm-l6-v2", "[MASK]", "[SEP]");
}

TEST(TextTokenizerGolden, AllMpnet) {
  SERVAL_NEED_LONG_MODEL(test_model_path("all-mpnet-base-v2/tokenizer.json"));
  expect_equal_pack("all-mpnet-base-v2", "<mask>", "</s>");
}

}  // namespace
}  // namespace serval
