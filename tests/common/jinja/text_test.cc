// The text helpers where a template cannot reach them all.
#include "common/jinja/text.h"

#include <gtest/gtest.h>
#include <random>

namespace serval::jinja {
namespace {

using Views = std::vector<std::string_view>;

TEST(Text, DecodeNeverReadsPastTheEnd) {
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string text(random() % 6, ' ');
    for (char& c : text) c = static_cast<char>(random());
    const std::string exact(text.data(), text.size());
    std::size_t at = 0, n = 0;
    std::string again;
    while (at < exact.size()) {
      const CodePoint c = decode(exact, at);
      ASSERT_GE(c.size, 1u);
      ASSERT_LE(at + c.size, exact.size());
      again += exact.substr(at, c.size);
      at += c.size;
      ++n;
    }
    EXPECT_EQ(again, exact);
    EXPECT_EQ(count_code_points(exact), n);
    EXPECT_EQ(code_point_starts(exact).size(), n + 1);
    EXPECT_LE(strip(exact, Side::both).size(), exact.size());
    EXPECT_EQ(to_upper(to_upper(exact)), to_upper(exact));
  }
}

TEST(Text, CodePointsSurviveEncoding) {
  for (char32_t c = 0; c < 0x110000; c += c < 0x3000 ? 1 : 37) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string text;
    append_utf8(text, c);
    const CodePoint back = decode(text, 0);
    ASSERT_EQ(back.value, c);
    ASSERT_EQ(back.size, text.size());
  }
}

TEST(Text, Splits) {
  EXPECT_EQ(split("a,,b", ",", -1), (Views{"a", "", "b"}));
  EXPECT_EQ(split("a,b,c", ",", 0), (Views{"a,b,c"}));
  EXPECT_EQ(rsplit("a--b--c", "--", 1), (Views{"a--b", "c"}));
  EXPECT_EQ(split_space("\u3000 a\tb \n", -1), (Views{"a", "b"}));
  EXPECT_EQ(split_space(" a b  ", 0), (Views{"a b  "}));
  EXPECT_EQ(rsplit_space("  a b  ", 0), (Views{"  a b"}));
  EXPECT_EQ(split_lines("a\r\nb\u2028c\n\n", false), (Views{"a", "b", "c", ""}));
}

TEST(Text, FloatsAsPythonWritesThem) {
  EXPECT_EQ(float_text(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(float_text(1e16), "1e+16");
  EXPECT_EQ(float_text(123456789012345680.0), "1.2345678901234568e+17");
  EXPECT_EQ(float_text(0.0001), "0.0001");
  EXPECT_EQ(float_text(0.00001), "1e-05");
  EXPECT_EQ(float_text(5e-324), "5e-324");
  EXPECT_EQ(float_text(-0.0), "-0.0");
}

}  // namespace
}  // namespace serval::jinja
