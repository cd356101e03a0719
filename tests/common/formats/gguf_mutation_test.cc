// Damaged copies of small files: each is opened and, if accepted, read to the end. The sanitizer
// presets turn an over-read into a failure.
#include <gtest/gtest.h>
#include <random>

#include "common/formats/tokenizer_gguf.h"
#include "common/formats/gguf.h"
#include "gguf_writer.h"
#include "walk_gguf.h"

namespace serval {
namespace {

std::string seed_file() {
  GgufWriter writer;
  writer.add("general.architecture", "llama").add("general.alignment", uint32_t{32});
  writer.add("n", uint64_t{7}).add("f", 0.5).add("flag", true);
  writer.add("ints", std::vector<int16_t>{1, 2, 3}).add("reals", std::vector<float>{1, 2});
  writer.add("tokenizer.ggml.model", "gpt2").add("tokenizer.ggml.pre", "qwen2");
  writer.add("tokenizer.ggml.tokens", std::vector<std::string>{"a", "b", "c", "ab", "abc", "<x>"});
  writer.add("tokenizer.ggml.token_type", std::vector<int32_t>{1, 1, 1, 1, 1, 3});
  writer.add("tokenizer.ggml.merges", std::vector<std::string>{"a b", "ab c"});
  writer.add("tokenizer.ggml.eos_token_id", uint32_t{5});
  writer.random_f32("blk.0.attn_q.weight", {8, 4}, 1, 1).random_f32("output.weight", {8}, 1, 2);
  writer.tensor("q", GgufTensorType::q4_1, {32, 2}, std::string(40, 'q'));
  return writer.bytes();
}

// Opens the bytes as a file; true if it was accepted.
bool survives(const std::string& bytes) {
  const TemporaryFile file(bytes);
  const Result<GgufFile> opened = open_gguf(file.path());
  if (!opened) {
    EXPECT_FALSE(opened.error().message.empty());
    return false;
  }
  walk_gguf(*opened);
  const Result<Tokenizer> tokenizer = tokenizer_from_gguf(*opened);
  if (tokenizer) {
    const auto ids = tokenizer->encode("abcab<x>ab", {true, true});
    EXPECT_LE(tokenizer->decode(ids, false).size(), 4096u);
  }
  return true;
}

TEST(GgufMutation, TheSeedIsGood) {
  const TemporaryFile file(seed_file());
  const Result<GgufFile> opened = open_gguf(file.path());
  ASSERT_TRUE(opened) << opened.error().message;
  const Result<Tokenizer> tokenizer = tokenizer_from_gguf(*opened);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ(tokenizer->encode("abc<x>", {.parse_special = true}), (std::vector<TokenId>{4, 5}));
}

TEST(GgufMutation, FlippedBitsNeverCrash) {
  const std::string good = seed_file();
  std::mt19937 random(1);
  int accepted = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = good;
    for (int flips = 1 + int(random() % 4); flips > 0; --flips)
      bytes[random() % bytes.size()] ^= char(1 << random() % 8);
    accepted += survives(bytes);
  }
  EXPECT_GT(accepted, 100) << "flips in tensor data and texts leave the file readable";
  EXPECT_LT(accepted, 2900);
}

TEST(GgufMutation, HostileNumbersNeverCrash) {
  const std::string good = seed_file();
  const uint64_t numbers[] = {0,
                              1,
                              0xff,
                              0x7fffffff,
                              0xffffffff,
                              uint64_t{1} << 32,
                              uint64_t{1} << 61,
                              uint64_t{1} << 62,
                              ~uint64_t{0} >> 1,
                              ~uint64_t{0},
                              ~uint64_t{0} - 31};
  std::mt19937 random(2);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = good;
    const uint64_t number = numbers[random() % std::size(numbers)];
    const std::size_t size = random() % 2 != 0 ? 8 : 4;
    std::memcpy(&bytes[random() % (bytes.size() - 8)], &number, size);
    survives(bytes);
  }
}

TEST(GgufMutation, CutAndSplicedFilesNeverCrash) {
  const std::string good = seed_file();
  std::mt19937 random(3);
  for (int round = 0; round < 1500; ++round) {
    std::string bytes = good;
    const std::size_t at = random() % bytes.size(), length = random() % 64;
    if (round % 3 == 0) bytes.resize(at);
    if (round % 3 == 1) bytes.erase(at, length);
    if (round % 3 == 2) bytes.insert(at, good.substr(random() % good.size(), length));
    survives(bytes);
  }
}

}  // namespace
}  // namespace serval
