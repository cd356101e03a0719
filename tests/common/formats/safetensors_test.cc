#include "common/formats/safetensors.h"

#include <cstring>
#include <gtest/gtest.h>
#include <random>

namespace serval {
namespace {

std::string safetensors(const std::string& header, std::size_t data) {
  const uint64_t length = header.size();
  std::string out(reinterpret_cast<const char*>(&length), sizeof length);
  out += header;
  for (std::size_t i = 0; i < data; ++i) out += char(i);
  return out;
}

const std::string kGood = R"({"__metadata__":{"format":"pt"},)"
                          R"("b":{"dtype":"BF16","shape":[2,3],"data_offsets":[8,20]},)"
                          R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                          R"("none":{"dtype":"F16","shape":[0,4],"data_offsets":[20,20]},)"
                          R"("one":{"dtype":"I64","shape":[],"data_offsets":[20,28]}}   )";
constexpr std::size_t kGoodData = 28;

// A copy on the heap, so that the sanitizers see a read behind its end.
Result<SafetensorsFile> read(const std::string& bytes) {
  static std::vector<std::byte> copy;
  copy.assign(reinterpret_cast<const std::byte*>(bytes.data()),
              reinterpret_cast<const std::byte*>(bytes.data()) + bytes.size());
  copy.shrink_to_fit();
  return SafetensorsFile::read("a.safetensors", copy);
}

TEST(Safetensors, ReadsTheDirectory) {
  const auto file = read(safetensors(kGood, kGoodData));
  ASSERT_TRUE(file.ok()) << file.error().message;
  const auto& tensors = file->tensors();
  ASSERT_EQ(tensors.size(), 4u);
  EXPECT_EQ(tensors[0].name, "a");
  EXPECT_EQ(tensors[0].type, SafetensorsType::f32);
  EXPECT_EQ(tensors[1].name, "b");
  EXPECT_EQ(tensors[1].shape, (std::vector<uint64_t>{2, 3}));
  ASSERT_EQ(tensors[1].bytes.size(), 12u);
  EXPECT_EQ(tensors[1].bytes[0], std::byte{8});
  EXPECT_EQ(tensors[2].bytes.size(), 0u);
  EXPECT_TRUE(tensors[3].shape.empty());
  EXPECT_EQ(safetensors_type_info(tensors[3].type).name, "I64");
}

TEST(Safetensors, RefusalsSayWhatIsWrong) {
  const auto tensor = [](const std::string& fields) { return "{\"t\":{" + fields + "}}"; };
  const struct {
    std::string header;
    std::size_t data;
    const char* word;
  } cases[] = {
      {"[]", 0, "not a safetensors file"},
      {"{", 0, "bad header"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
       R"("a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
       2, "bad header"},
      {R"({"t":5})", 0, "not an object"},
      {tensor(R"("dtype":"F32","shape":[1])"), 4, "data_offsets"},
      {tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1)"), 4, "must have"},
      {tensor(R"("dtype":"F99","shape":[1],"data_offsets":[0,4])"), 4, "F99"},
      {tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0,4])"), 4, "its shape needs 8"},
      {tensor(R"("dtype":"F32","shape":[-1],"data_offsets":[0,4])"), 4, "whole number"},
      {tensor(R"("dtype":"F32","shape":[1.5],"data_offsets":[0,4])"), 4, "whole number"},
      {tensor(R"("dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0])"), 0,
       "63 bits"},
      {tensor(R"("dtype":"U8","shape":[18446744073709551615],"data_offsets":[0,0])"), 0, "63 bits"},
      {tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,8])"), 4, "bytes 0 to 8"},
      {tensor(R"("dtype":"F32","shape":[1],"data_offsets":[4,0])"), 4, "bytes 4 to 0"},
      {tensor(R"("dtype":"F32","shape":[1],"data_offsets":[18446744073709551612,0])"), 4, "bytes"},
      {tensor(R"("dtype":"F32","shape":[1],"data_offsets":[4,8])"), 8, "gap"},
      {tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])"), 8, "behind the last"},
      {tensor(R"("dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1])"), 1, "dimensions"},
      {R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},)"
       R"("b":{"dtype":"U8","shape":[3],"data_offsets":[2,5]}})",
       5, "overlaps"},
  };
  for (const auto& c : cases) {
    const auto file = read(safetensors(c.header, c.data));
    ASSERT_FALSE(file.ok()) << c.header;
    EXPECT_NE(file.error().message.find(c.word), std::string::npos) << file.error().message;
    EXPECT_NE(file.error().message.find("a.safetensors"), std::string::npos);
  }
}

TEST(Safetensors, AHeaderLongerThanTheFileOrTheLimit) {
  EXPECT_FALSE(read("").ok());
  EXPECT_FALSE(read("1234567").ok());
  for (const uint64_t length : {uint64_t{100}, uint64_t{1} << 62, ~uint64_t{0}}) {
    std::string bytes(reinterpret_cast<const char*>(&length), sizeof length);
    EXPECT_FALSE(read(bytes + "{}").ok());
  }
  const auto large = read(safetensors("{" + std::string(SafetensorsFile::kMaxHeaderBytes, ' '), 0));
  ASSERT_FALSE(large.ok());
  EXPECT_NE(large.error().message.find("at most"), std::string::npos);
}

// Whatever is accepted has bytes that can be read and that its shape needs.
void walk(const std::string& bytes) {
  const auto file = read(bytes);
  if (!file) {
    EXPECT_FALSE(file.error().message.empty());
    return;
  }
  uint64_t sum = 0;
  for (const Safetensor& tensor : file->tensors()) {
    uint64_t want = uint64_t(safetensors_type_info(tensor.type).bytes);
    for (const uint64_t side : tensor.shape) want *= side;
    ASSERT_EQ(tensor.bytes.size(), want);
    for (const std::byte b : tensor.bytes) sum += uint8_t(b);
  }
  EXPECT_LT(sum, uint64_t{1} << 40);
}

TEST(SafetensorsMutation, NeverCrashes) {
  const std::string good = safetensors(kGood, kGoodData);
  std::mt19937 random(1);
  for (int round = 0; round < 5000; ++round) {
    std::string bytes = good;
    const std::size_t at = random() % bytes.size();
    switch (round % 4) {
      case 0:
        bytes[at] = char(bytes[at] ^ char(1 << random() % 8));
        break;
      case 1:
        bytes.resize(at);
        break;
      case 2:
        bytes.erase(at, random() % 16);
        break;
      default:
        bytes.insert(at, good.substr(random() % good.size(), random() % 32));
    }
    walk(bytes);
  }
}

}  // namespace
}  // namespace serval
