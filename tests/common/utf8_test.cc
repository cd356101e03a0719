#include "common/utf8.h"

#include <gtest/gtest.h>
#include <utility>
#include <vector>

namespace serval {
namespace {

TEST(Utf8, ReplacesWhatPythonReplaces) {
  // Right column: bytes.decode("utf-8", "replace") of CPython 3.11; R stands for U+FFFD.
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"plain", "plain"},
      {"\x80", "R"},
      {"a\xc3", "aR"},
      {"\xc3(", "R("},
      {"\xc0\x80", "RR"},
      {"\xe2\x82", "R"},
      {"\xe2\x28\xa1", "R(R"},
      {"\xe0\x80\x80", "RRR"},
      {"\xed\xa0\x80", "RRR"},
      {"\xf0\x9f\x98", "R"},
      {"\xf0\x9f\x98x", "Rx"},
      {"\xf0\x80\x80\x80", "RRRR"},
      {"\xf4\x90\x80\x80", "RRRR"},
      {"\xf5\x80\x80\x80", "RRRR"},
      {"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf", "RRRR"},
      {"12345678\xff"
       "12345678",
       "12345678R12345678"},
  };
  for (const auto& [bytes, want] : cases) {
    std::string expected;
    for (const char c : want)
      expected += c == 'R' ? std::string("\xEF\xBF\xBD") : std::string(1, c);
    EXPECT_EQ(replace_invalid_utf8(bytes), expected) << testing::PrintToString(bytes);
  }
}

TEST(Utf8, EveryCharacterSurvivesARoundTrip) {
  for (char32_t code = 0; code <= 0x10FFFF; ++code) {
    if (code >= 0xD800 && code < 0xE000) continue;
    std::string bytes;
    append_utf8(bytes, code);
    const Utf8Char c = next_utf8(bytes);
    ASSERT_TRUE(c.valid) << uint32_t(code);
    ASSERT_EQ(c.code, code);
    ASSERT_EQ(c.length, bytes.size());
  }
}

TEST(Utf8, ValidPrefixStopsAtTheFirstBadByte) {
  EXPECT_EQ(valid_utf8_prefix("0123456789\xc3\xa9\xff"), 12u);
  EXPECT_EQ(valid_utf8_prefix(""), 0u);
  EXPECT_TRUE(is_valid_utf8("\xf0\x9f\x98\x80"));
  EXPECT_FALSE(is_valid_utf8("0123456\x80"));
}

TEST(Utf8, IncompleteTailIsWhatMoreBytesCouldMend) {
  const std::string emoji = "\xf0\x9f\x98\x80";
  for (std::size_t cut = 1; cut < 4; ++cut)
    EXPECT_EQ(incomplete_utf8_tail("ab" + emoji.substr(0, cut)), cut);
  EXPECT_EQ(incomplete_utf8_tail(emoji), 0u);
  EXPECT_EQ(incomplete_utf8_tail(""), 0u);
  EXPECT_EQ(incomplete_utf8_tail("a\xe2\x82"), 2u);
  EXPECT_EQ(incomplete_utf8_tail("a\xff"), 0u);  // no byte could mend these
  EXPECT_EQ(incomplete_utf8_tail("\xed\xa0"), 0u);
  EXPECT_EQ(incomplete_utf8_tail("\x80\x80\x80"), 0u);
  EXPECT_EQ(incomplete_utf8_tail("\xc3\xa9\xa9"), 0u);
}

// A stream that holds back incomplete tails shows the same text as one that sees all bytes at once.
TEST(Utf8, StreamedTextEqualsTheWhole) {
  const std::string bytes = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xff z\xe2\x82";
  std::string shown, held;
  for (const char byte : bytes) {
    held += byte;
    const std::size_t ready = held.size() - incomplete_utf8_tail(held);
    shown += replace_invalid_utf8(held.substr(0, ready));
    held.erase(0, ready);
  }
  shown += replace_invalid_utf8(held);
  EXPECT_EQ(shown, replace_invalid_utf8(bytes));
}

}  // namespace
}  // namespace serval
