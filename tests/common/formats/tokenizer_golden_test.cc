// Equality with the reference tokenizers on the strings of tests/golden/tokenizer, written by
// tools/golden/tokenizer.py (which describes the files).
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

#include "common/formats/byte_reader.h"
#include "common/formats/nfc.h"
#include "common/formats/pre_tokenizer.h"
#include "common/formats/tokenizer_gguf.h"
#include "common/mapped_file.h"
#include "common/utf8.h"
#include "test_models.h"

namespace serval {
namespace {

const std::filesystem::path kGolden = SERVAL_GOLDEN_DIR "/tokenizer";

MappedFile golden_file(const std::string& name) {
  Result<MappedFile> file = MappedFile::open(kGolden / name);
  if (!file) throw std::runtime_error(file.error().message);
  return std::move(*file);
}

std::vector<std::string> golden_strings() {
  const MappedFile file = golden_file("strings.bin");
  ByteReader in(file.bytes());
  std::vector<std::string> out;
  while (in.left() > 0) out.emplace_back(in.take_text(in.read<uint32_t>()));
  return out;
}

uint64_t fnv(const void* data, std::size_t size) {
  uint64_t hash = 0xCBF29CE484222325;
  for (std::size_t i = 0; i < size; ++i)
    hash = (hash ^ static_cast<const uint8_t*>(data)[i]) * 0x100000001B3;
  return hash;
}

// A count and a hash, as the files hold them for each row of numbers.
struct Digest {
  uint32_t count;
  uint64_t hash;
  friend bool operator==(const Digest&, const Digest&) = default;
};

Digest read_digest(ByteReader& in) {
  const auto count = in.read<uint32_t>();
  return {count, in.read<uint64_t>()};
}

Digest digest(const std::vector<int32_t>& numbers) {
  return {uint32_t(numbers.size()), fnv(numbers.data(), numbers.size() * sizeof(int32_t))};
}

Tokenizer tokenizer_of(const TokenizerData& data) {
  Result<Tokenizer> tokenizer = Tokenizer::build(data);
  if (!tokenizer) throw std::runtime_error(tokenizer.error().message);
  return std::move(*tokenizer);
}

void expect_equal_ids(const Tokenizer& tokenizer, const std::string& golden,
                      const std::vector<std::string>& strings) {
  const MappedFile expected = golden_file(golden);
  ByteReader in(expected.bytes());
  int wrong = 0, checked = 0;
  for (const std::string& text : strings) {
    for (const bool special : {false, true}) {
      const Digest want = read_digest(in);
      const auto ids = tokenizer.encode(text, {.parse_special = special});
      ++checked;
      if (digest(ids) == want) continue;
      if (++wrong <= 10)
        ADD_FAILURE() << testing::PrintToString(text.substr(0, 200)) << " gave " << ids.size()
                      << " ids, want " << want.count << (special ? " (specials split out)" : "");
    }
  }
  EXPECT_EQ(wrong, 0) << "of " << checked;
  EXPECT_EQ(checked, 20000);
  EXPECT_FALSE(in.overrun());
  EXPECT_EQ(in.left(), 0u);
}

void expect_equal_ids(const std::filesystem::path& model, const std::string& golden) {
  const Result<GgufFile> file = open_gguf(model);
  ASSERT_TRUE(file) << file.error().message;
  const Result<Tokenizer> tokenizer = tokenizer_from_gguf(*file);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  expect_equal_ids(*tokenizer, golden, golden_strings());
}

TEST(TokenizerGolden, NormalFormAndWordsEqualTheReference) {
  const MappedFile expected = golden_file("splits.bin");
  ByteReader in(expected.bytes());
  int wrong = 0;
  for (const std::string& bytes : golden_strings()) {
    const std::string text = replace_invalid_utf8(bytes);
    std::string normal = text;
    normalize_nfc(text, normal);
    wrong += fnv(normal.data(), normal.size()) != in.read<uint64_t>();
    for (const auto rules : {PreTokenizer::gpt2, PreTokenizer::smollm, PreTokenizer::qwen2,
                             PreTokenizer::llama3, PreTokenizer::qwen35, PreTokenizer::deepseek_llm,
                             PreTokenizer::deepseek_coder, PreTokenizer::deepseek_v3}) {
      std::vector<int32_t> lengths;
      cut_words(rules, text,
                [&](std::string_view word) { lengths.push_back(int32_t(word.size())); });
      if (digest(lengths) == read_digest(in)) continue;
      if (++wrong <= 10)
        ADD_FAILURE() << "rules " << int(rules) << ": "
                      << testing::PrintToString(text.substr(0, 200));
    }
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_FALSE(in.overrun());
  EXPECT_EQ(in.left(), 0u);
}

TEST(TokenizerGolden, TinyGpt2) { expect_equal_ids(kGolden / "tiny-gpt-2.gguf", "tiny-gpt-2.ids"); }

TEST(TokenizerGolden, TinyLlama3) {
  expect_equal_ids(kGolden / "tiny-llama-bpe.gguf", "tiny-llama-bpe.ids");
}

TEST(TokenizerGolden, TinySentencePiece) {
  const Result<GgufFile> file = open_gguf(kGolden / "tiny-spm.gguf");
  ASSERT_TRUE(file) << file.error().message;
  Result<TokenizerData> data = read_tokenizer_data(*file);
  ASSERT_TRUE(data) << data.error().message;
  EXPECT_TRUE(data->space_prefix);
  expect_equal_ids(tokenizer_of(*data), "tiny-spm.ids", golden_strings());
  data->space_prefix = false;
  expect_equal_ids(tokenizer_of(*data), "tiny-spm-no-prefix.ids", golden_strings());
}

std::string with_replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

TEST(TokenizerGolden, Gemma3) {
  const auto model = test_model_path("gemma-3-270m/gemma-3-270m-q4_k_m.gguf");
  SERVAL_NEED_LONG_MODEL(model);
  const Result<GgufFile> file = open_gguf(model);
  ASSERT_TRUE(file) << file.error().message;
  const Result<Tokenizer> tokenizer = tokenizer_from_gguf(*file);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  std::vector<std::string> strings;
  for (const std::string& text : golden_strings())
    strings.push_back(with_replaced(with_replaced(text, "<|im_start|>", "<start_of_turn>"),
                                    "<|im_end|>", "<end_of_turn>"));
  expect_equal_ids(*tokenizer, "gemma3.ids", strings);
  EXPECT_EQ(tokenizer->end_tokens(), (std::vector<TokenId>{1, 106})) << "<eos>, <end_of_turn>";
  EXPECT_EQ(tokenizer->encode("", {.add_special = true}), std::vector<TokenId>{2}) << "<bos>";
}

TEST(TokenizerGolden, SmolLm2) {
  const auto model = test_model_path("smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf");
  SERVAL_NEED_MODEL(model);
  expect_equal_ids(model, "smollm2.ids");
}

TEST(TokenizerGolden, Qwen25Coder) {
  const auto model =
      test_model_path("qwen2.5-coder-0.5b-instruct/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf");
  SERVAL_NEED_LONG_MODEL(model);
  expect_equal_ids(model, "qwen2.5-coder.ids");
}

// Decoding gives the text back, unless it holds bytes that the vocabulary lacks.
TEST(TokenizerGolden, DecodeUndoesEncode) {
  const Result<GgufFile> file = open_gguf(kGolden / "tiny-gpt-2.gguf");
  ASSERT_TRUE(file) << file.error().message;
  const Result<Tokenizer> tokenizer = tokenizer_from_gguf(*file);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  int compared = 0;
  for (const std::string& bytes : golden_strings()) {
    std::string text;
    for (const char c : replace_invalid_utf8(bytes))
      if (tokenizer->find({&c, 1})) text += c;
    ++compared;
    ASSERT_EQ(tokenizer->decode(tokenizer->encode(bytes), false), text);
    ASSERT_EQ(tokenizer->decode(tokenizer->encode(bytes, {.parse_special = true}), false), text);
  }
  EXPECT_EQ(compared, 10000);
}

// With SentencePiece all but the difference between a space and the mark that stands for it.
TEST(TokenizerGolden, DecodeUndoesSentencePiece) {
  const Result<GgufFile> file = open_gguf(kGolden / "tiny-spm.gguf");
  ASSERT_TRUE(file) << file.error().message;
  const Result<Tokenizer> tokenizer = tokenizer_from_gguf(*file);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  for (const std::string& bytes : golden_strings()) {
    const std::string text = with_replaced(replace_invalid_utf8(bytes), "\u2581", " ");
    ASSERT_EQ(tokenizer->decode(tokenizer->encode(bytes), false), text.empty() ? "" : " " + text);
  }
}

}  // namespace
}  // namespace serval
