#include "common/formats/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gguf_writer.h"

namespace serval {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The message of the error with which a file of these bytes is refused.
std::string refusal(const std::string& bytes) {
  const TemporaryFile file(bytes);
  const Result<GgufFile> opened = open_gguf(file.path());
  if (opened) return "accepted";
  EXPECT_THAT(opened.error().message, HasSubstr(file.path().string()));
  return opened.error().message;
}

TEST(Gguf, ReadsEveryValueType) {
  GgufWriter writer;
  writer.add("u8", uint8_t{200}).add("i8", int8_t{-5}).add("u16", uint16_t{60000});
  writer.add("i16", int16_t{-300}).add("u32", uint32_t{4000000000}).add("i32", int32_t{-70000});
  writer.add("u64", uint64_t{1} << 40).add("i64", -(int64_t{1} << 40)).add("f32", 1.5f);
  writer.add("f64", 2.25).add("yes", true).add("no", false).add("text", "h\xc3\xa9llo");
  const TemporaryFile path(writer.bytes());
  const Result<GgufFile> opened = open_gguf(path.path());
  ASSERT_TRUE(opened) << opened.error().message;
  const GgufFile file = std::move(const_cast<GgufFile&>(*opened));  // views survive a move
  EXPECT_EQ(*file.integer("u8"), 200);
  EXPECT_EQ(*file.integer("i8"), -5);
  EXPECT_EQ(*file.integer("u16"), 60000);
  EXPECT_EQ(*file.integer("i16"), -300);
  EXPECT_EQ(*file.integer("u32"), 4000000000);
  EXPECT_EQ(*file.integer("i32"), -70000);
  EXPECT_EQ(*file.integer("u64"), int64_t{1} << 40);
  EXPECT_EQ(*file.integer("i64"), -(int64_t{1} << 40));
  EXPECT_EQ(*file.real("f32"), 1.5);
  EXPECT_EQ(*file.real("f64"), 2.25);
  EXPECT_EQ(*file.real("i8"), -5.0);
  EXPECT_TRUE(*file.boolean("yes"));
  EXPECT_FALSE(*file.boolean("no"));
  EXPECT_EQ(*file.text("text"), "h\xc3\xa9llo");
  EXPECT_EQ(file.entries().size(), 13u);
}

TEST(Gguf, ReadsArrays) {
  GgufWriter writer;
  writer.add("i", std::vector<int32_t>{1, -2, 3}).add("u", std::vector<uint64_t>{7});
  writer.add("f", std::vector<float>{0.5f, -1}).add("d", std::vector<double>{0.25});
  writer.add("s", std::vector<std::string>{"a", "", "ccc"});
  writer.add("b", std::vector<uint8_t>{}).add("flags", std::vector<bool>{true, false});
  const TemporaryFile path(writer.bytes());
  const Result<GgufFile> file = open_gguf(path.path());
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_THAT(*file->integers("i"), ElementsAre(1, -2, 3));
  EXPECT_THAT(*file->integers("u"), ElementsAre(7));
  EXPECT_THAT(*file->integers("b"), ElementsAre());
  EXPECT_THAT(*file->reals("f"), ElementsAre(0.5f, -1.0f));
  EXPECT_THAT(*file->reals("d"), ElementsAre(0.25f));
  EXPECT_THAT(*file->texts("s"), ElementsAre("a", "", "ccc"));
  EXPECT_THAT(*file->booleans("flags"), ElementsAre(true, false));
}

TEST(Gguf, ErrorsNameTheKeyAndTheTypes) {
  GgufWriter writer;
  writer.add("n", uint32_t{1}).add("s", "x").add("big", ~uint64_t{0});
  writer.add("list", std::vector<std::string>{"a"});
  const TemporaryFile path(writer.bytes());
  const Result<GgufFile> file = open_gguf(path.path());
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->integer("absent").error().code, Code::not_found);
  EXPECT_THAT(file->integer("absent").error().message, HasSubstr("\"absent\""));
  EXPECT_THAT(file->integer("s").error().message, HasSubstr("\"s\" is string, want an integer"));
  EXPECT_THAT(file->text("n").error().message, HasSubstr("\"n\" is uint32, want a string"));
  EXPECT_THAT(file->integers("list").error().message, HasSubstr("is array of string, want an"));
  EXPECT_THAT(file->boolean("n").error().message, HasSubstr("want a bool"));
  EXPECT_THAT(file->real("s").error().message, HasSubstr("want a number"));
  EXPECT_THAT(file->reals("list").error().message, HasSubstr("want an array of floats"));
  EXPECT_THAT(file->booleans("n").error().message, HasSubstr("want an array of bools"));
  EXPECT_THAT(file->texts("n").error().message, HasSubstr("want an array of strings"));
  EXPECT_THAT(file->integer("big").error().message, HasSubstr("2^63 - 1"));
  EXPECT_EQ(*file->integer_or("absent", 9), 9);
  EXPECT_EQ(*file->text_or("absent", "d"), "d");
  EXPECT_EQ(*file->boolean_or("absent", true), true);
  EXPECT_EQ(*file->real_or("absent", 0.5), 0.5);
  EXPECT_FALSE(file->integer_or("s", 9)) << "a value of the wrong type is never passed over";
}

TEST(Gguf, TensorsAreSpansOfTheFile) {
  for (const uint32_t alignment : {32u, 64u, 4096u}) {
    GgufWriter writer;
    writer.alignment(alignment).f32("a", {3}, {1, 2, 3}).random_f32("b", {8, 4, 2}, 1.0f, 7);
    writer.tensor("q", GgufTensorType::q4_1, {64, 2}, std::string(4 * 20, 'q'));
    const TemporaryFile path(writer.bytes());
    const Result<GgufFile> file = open_gguf(path.path());
    ASSERT_TRUE(file) << file.error().message;
    ASSERT_EQ(file->tensors().size(), 3u);
    const GgufTensor* a = *file->tensor("a");
    EXPECT_EQ(a->bytes.size(), 12u);
    EXPECT_EQ(a->offset % alignment, 0u);
    float second = 0;
    std::memcpy(&second, a->bytes.data() + 4, 4);
    EXPECT_EQ(second, 2.0f);
    const GgufTensor* b = file->find_tensor("b");
    ASSERT_NE(b, nullptr);
    EXPECT_EQ(b->rank, 3);
    EXPECT_THAT(b->dims, ElementsAre(8, 4, 2, 1));
    EXPECT_EQ(b->elements, 64u);
    EXPECT_EQ((*file->tensor("q"))->bytes.size(), 80u);
    EXPECT_EQ(char((*file->tensor("q"))->bytes[79]), 'q');
    EXPECT_EQ(file->find_tensor("c"), nullptr);
    EXPECT_THAT(file->tensor("c").error().message, HasSubstr("no tensor \"c\""));
  }
}

TEST(Gguf, UnknownTensorTypeIsRefusedOnlyWhenAskedFor) {
  GgufWriter writer;
  writer.f32("a", {1}, {1}).tensor("x", GgufTensorType(999), {32}, "????");
  const TemporaryFile path(writer.bytes());
  const Result<GgufFile> file = open_gguf(path.path());
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(uint32_t(file->find_tensor("x")->type), 999u);
  EXPECT_TRUE(file->tensor("a"));
  EXPECT_EQ(file->tensor("x").error().code, Code::unimplemented);
  EXPECT_THAT(file->tensor("x").error().message, HasSubstr("\"x\" has type 999"));
}

TEST(Gguf, RefusesBadHeaders) {
  const std::string good = GgufWriter().add("k", uint32_t{1}).bytes();
  EXPECT_THAT(refusal(""), HasSubstr("ends inside the GGUF header"));
  EXPECT_THAT(refusal("GG"), HasSubstr("ends inside the GGUF header"));
  EXPECT_THAT(refusal("GGML" + good.substr(4)), HasSubstr("not a GGUF file"));
  EXPECT_THAT(refusal(std::string("GGUF\2\0\0\0", 8) + good.substr(8)),
              HasSubstr("GGUF version 2, want 3"));
  EXPECT_THAT(refusal(std::string("GGUF\0\0\0\3", 8) + good.substr(8)), HasSubstr("big-endian"));
  const std::string huge(8, '\xff');
  EXPECT_THAT(refusal(good.substr(0, 8) + huge + good.substr(16)),
              HasSubstr("promises 1844674407"));
  EXPECT_THAT(refusal(good.substr(0, 16) + huge + good.substr(24)), HasSubstr("metadata entries"));
}

TEST(Gguf, RefusesBadMetadata) {
  EXPECT_THAT(refusal(GgufWriter().add("k", 1).add("k", "x").bytes()),
              HasSubstr("metadata key \"k\" occurs twice"));
  EXPECT_THAT(refusal(GgufWriter().add("", 1).bytes()), HasSubstr("has a key of 0 bytes"));
  EXPECT_THAT(refusal(GgufWriter().add(std::string(70000, 'k'), 1).bytes()),
              HasSubstr("has a key of 70000 bytes"));
  EXPECT_THAT(refusal(GgufWriter().add("general.alignment", uint32_t{24}).bytes()),
              HasSubstr("general.alignment is 24, want a power of two"));
  EXPECT_THAT(refusal(GgufWriter().add("general.alignment", uint32_t{0}).bytes()),
              HasSubstr("power of two"));
  EXPECT_THAT(refusal(GgufWriter().add("general.alignment", "32").bytes()),
              HasSubstr("want an integer"));
  // Offsets inside the file: header 24, key length 8, key "k" 1, then the type.
  std::string unknown = GgufWriter().add("k", uint32_t{1}).bytes();
  unknown[33] = 77;
  EXPECT_THAT(refusal(unknown), HasSubstr("\"k\" has unknown value type 77"));
  std::string nested = GgufWriter().add("k", std::vector<int32_t>{1, 2}).bytes();
  nested[37] = 9;
  EXPECT_THAT(refusal(nested), HasSubstr("array of arrays"));
  std::string long_array = GgufWriter().add("k", std::vector<int64_t>{1, 2}).bytes();
  long_array[48] = 0x7f;  // the count's highest byte: 8 * count overflows
  EXPECT_THAT(refusal(long_array), HasSubstr("ends inside metadata key \"k\""));
  std::string long_text = GgufWriter().add("k", "abc").bytes();
  long_text[44] = char(0xff);
  EXPECT_THAT(refusal(long_text), HasSubstr("ends inside metadata key \"k\""));
  EXPECT_THAT(refusal(GgufWriter().add("evil\n\x1b[2J", 1).add("evil\n\x1b[2J", 1).bytes()),
              HasSubstr("\"evil??[2J\""));
}

TEST(Gguf, RefusesBadTensors) {
  const auto f32 = GgufTensorType::f32;
  const auto at = [&](std::vector<uint64_t> dims, uint64_t offset, GgufTensorType type) {
    return refusal(GgufWriter().tensor_at("t", type, std::move(dims), offset).bytes());
  };
  EXPECT_THAT(at({1, 1, 1, 1, 1}, 0, f32), HasSubstr("has 5 dimensions, want 1 to 4"));
  EXPECT_THAT(at({}, 0, f32), HasSubstr("dimensions, want 1 to 4"));
  EXPECT_THAT(at({4, 0}, 0, f32), HasSubstr("dimension of 0"));
  EXPECT_THAT(at({uint64_t{1} << 32, uint64_t{1} << 32}, 0, f32), HasSubstr("63 bits"));
  EXPECT_THAT(at({uint64_t{1} << 62, 2}, 0, f32), HasSubstr("63 bits"));
  EXPECT_THAT(at({uint64_t{1} << 62}, 0, f32), HasSubstr("blocks of 4 bytes"));
  EXPECT_THAT(at({1}, 0, f32), HasSubstr("the file has 0 bytes left"));
  EXPECT_THAT(at({1}, 7, f32), HasSubstr("at offset 7, want a multiple of 32"));
  EXPECT_THAT(at({1}, uint64_t(-32), f32), HasSubstr("behind the end of the file"));
  EXPECT_THAT(at({40}, 0, GgufTensorType::q4_1), HasSubstr("Q4_1 wants a multiple of 32"));
  EXPECT_THAT(at({32}, 1 << 20, GgufTensorType(999)), HasSubstr("behind the end"));
  GgufWriter twice;
  twice.f32("t", {1}, {1}).f32("t", {1}, {2});
  EXPECT_THAT(refusal(twice.bytes()), HasSubstr("tensor \"t\" occurs twice"));
}

TEST(Gguf, EveryTruncationIsRefused) {
  GgufWriter writer;
  writer.add("a", "text").add("b", std::vector<std::string>{"x", "yy"}).add("c", 1.0);
  writer.f32("t", {8}, {1, 2, 3, 4, 5, 6, 7, 8});
  const std::string good = writer.bytes();
  ASSERT_EQ(refusal(good), "accepted");
  for (std::size_t size = 0; size < good.size(); ++size)
    ASSERT_NE(refusal(good.substr(0, size)), "accepted") << size;
}

TEST(Gguf, OpenErrorsNameTheFile) {
  EXPECT_EQ(open_gguf("/no/such/model.gguf").error().code, Code::not_found);
}

}  // namespace
}  // namespace serval
