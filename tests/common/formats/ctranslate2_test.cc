#include "common/formats/ctranslate2.h"

#include <cstring>
#include <gtest/gtest.h>
#include <random>

namespace serval {
namespace {

template <class T>
std::string bytes(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

std::string text(const std::string& value) {
  return bytes(uint16_t(value.size() + 1)) + value + '\0';
}

std::string variable(const std::string& name, std::initializer_list<uint32_t> shape, uint8_t type,
                     const std::string& data) {
  std::string out = text(name) + char(shape.size());
  for (const uint32_t side : shape) out += bytes(side);
  return out + char(type) + bytes(uint32_t(data.size())) + data;
}

std::string header(uint32_t variables) {
  return bytes(uint32_t{6}) + text("WhisperSpec") + bytes(uint32_t{3}) + bytes(variables);
}

const std::string kGood = header(2) + variable("a/weight", {2, 3}, 4, std::string(12, 'x')) +
                          variable("heads", {}, 2, bytes(uint16_t{6})) + bytes(uint32_t{1}) +
                          text("b/weight") + text("a/weight");

// A copy on the heap, so that the sanitizers see a read behind its end.
Result<Ct2File> read(const std::string& file) {
  static std::vector<std::byte> copy;
  copy.assign(reinterpret_cast<const std::byte*>(file.data()),
              reinterpret_cast<const std::byte*>(file.data()) + file.size());
  copy.shrink_to_fit();
  return Ct2File::read("model.bin", copy);
}

TEST(CTranslate2, ReadsTheDirectory) {
  const auto file = read(kGood);
  ASSERT_TRUE(file.ok()) << file.error().message;
  EXPECT_EQ(file->spec(), "WhisperSpec");
  EXPECT_EQ(file->revision(), 3u);
  ASSERT_EQ(file->variables().size(), 3u);
  EXPECT_EQ(file->variables()[0].name, "a/weight");
  EXPECT_EQ(file->variables()[0].type, Ct2Type::f16);
  EXPECT_EQ(file->variables()[0].shape, (std::vector<uint64_t>{2, 3}));
  EXPECT_TRUE(file->variables()[1].shape.empty());
  EXPECT_EQ(file->variables()[1].bytes[0], std::byte{6});
  EXPECT_EQ(file->variables()[2].name, "b/weight");
  EXPECT_EQ(file->variables()[2].bytes.data(), file->variables()[0].bytes.data());
}

TEST(CTranslate2, RefusalsSayWhatIsWrong) {
  const std::string one = variable("a", {1}, 0, std::string(4, 'x')), none = bytes(uint32_t{0});
  const struct {
    std::string file;
    const char* word;
  } cases[] = {
      {"", "inside its header"},
      {bytes(uint32_t{5}) + text("X"), "version 5"},
      {bytes(uint32_t{6}) + bytes(uint16_t{99}) + "X", "specification's name"},
      {bytes(uint32_t{6}) + bytes(uint16_t{2}) + "XY", "zero byte"},
      {header(2), "0 bytes are left"},
      {header(4000000000u) + one + none, "4000000000 variables"},
      {header(2) + one + one + none, "\"a\" occurs twice"},
      {header(1) + variable("a", {2}, 0, "xxxx") + none, "its shape needs 8"},
      {header(1) + variable("a", {1}, 9, "xxxx") + none, "type 9"},
      {header(1) + variable("a", {1, 1, 1, 1, 1, 1, 1, 1, 1}, 0, "xxxx") + none, "9 dimensions"},
      {header(1) + variable("a", {0xffffffff, 0xffffffff, 0xffffffff}, 0, "xxxx") + none,
       "more than 64 bits"},
      {(header(1) + one).substr(0, header(1).size() + 14), "inside variable \"a\""},
      {header(1) + one, "number of aliases"},
      {header(1) + one + bytes(uint32_t{1}) + text("b") + text("c"), "\"c\", which there is not"},
      {header(1) + one + bytes(uint32_t{1}) + text("a") + text("a"), "\"a\" occurs twice"},
      {header(1) + one + none + "!", "1 bytes behind"},
  };
  for (const auto& c : cases) {
    const auto file = read(c.file);
    ASSERT_FALSE(file.ok()) << c.word;
    EXPECT_NE(file.error().message.find(c.word), std::string::npos) << file.error().message;
    EXPECT_EQ(file.error().message.find("model.bin: "), 0u) << file.error().message;
  }
}

// Cut anywhere it is refused; changed anywhere it is refused or stays within its bytes.
TEST(CTranslate2, DamageIsNoCrash) {
  for (std::size_t length = 0; length < kGood.size(); ++length)
    EXPECT_FALSE(read(kGood.substr(0, length)).ok()) << length;
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    std::string file = kGood;
    file[random() % file.size()] = char(random());
    const auto read_file = read(file);
    if (!read_file) continue;
    for (const Ct2Variable& v : read_file->variables()) ASSERT_LE(v.bytes.size(), file.size());
  }
}

}  // namespace
}  // namespace serval
