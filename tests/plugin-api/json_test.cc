#include "serval/sdk/json.hpp"

#include <gtest/gtest.h>

#include "serval/sdk/messages.hpp"

namespace serval::sdk {
namespace {

TEST(SdkJson, ReadsEveryKindOfValue) {
  const auto j = Json::parse(R"( {"a":[1,-2.5e1,true,false,null],"b":{"c":"x"},"":0} )");
  ASSERT_TRUE(j) << j.error().message;
  const Json::Array& a = j->find("a")->items();
  ASSERT_EQ(a.size(), 5u);
  EXPECT_EQ(*a[0].integer(), 1);
  EXPECT_EQ(a[1].number(), -25.0);
  EXPECT_TRUE(*a[2].boolean());
  EXPECT_FALSE(*a[3].boolean());
  EXPECT_TRUE(a[4].is_null());
  EXPECT_EQ(j->find("b")->find("c")->text(), "x");
  EXPECT_NE(j->find(""), nullptr);
  EXPECT_EQ(j->find("z"), nullptr);
}

TEST(SdkJson, ReadsEscapes) {
  const auto j = Json::parse(R"("\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00")");
  ASSERT_TRUE(j) << j.error().message;
  EXPECT_EQ(j->text(), "\"\\/\b\f\n\r\tA\u00e9\u20ac\U0001F600");
}

TEST(SdkJson, QuotesWhatItCanReadBack) {
  std::string all;
  for (char c = 0; c < 127; ++c) all += c;
  all += "é€😀";
  const auto j = Json::parse(json_quote(all));
  ASSERT_TRUE(j) << j.error().message;
  EXPECT_EQ(j->text(), all);
}

TEST(SdkJson, LargeNumbersBecomeDoubles) {
  EXPECT_EQ(*Json::parse("9223372036854775807")->integer(), INT64_MAX);
  EXPECT_EQ(Json::parse("9223372036854775808")->integer(), nullptr);
  EXPECT_EQ(Json::parse("9223372036854775808")->number(), 9223372036854775808.0);
}

class BadJson : public testing::TestWithParam<const char*> {};
TEST_P(BadJson, IsRefused) {
  const auto j = Json::parse(GetParam());
  ASSERT_FALSE(j);
  EXPECT_EQ(j.error().code, SERVAL_INVALID_ARGUMENT);
  EXPECT_NE(j.error().message.find("at byte"), std::string::npos);
}
INSTANTIATE_TEST_SUITE_P(All, BadJson,
                         testing::Values("", " ", "{", "[", "[1,", "[1,]", "{\"a\"}", "{\"a\":}",
                                         "{\"a\":1,}", "{a:1}", "nul", "tru", "01", "-", "1.", "1e",
                                         "1e999", ".5", "+1", "\"", "\"\\x\"", "\"\\u12\"",
                                         "\"\\u+123\"", "\"\\ud800\"", "\"\\udc00\"",
                                         "\"\\ud800\\u0041\"", "\"\n\"", "\"\xff\"", "\"\xc0\x80\"",
                                         "\"\xed\xa0\x80\"", "1 2", "{} x", "{\"a\":1,\"a\":2}",
                                         "'a'", "NaN", "Infinity"));

TEST(SdkJson, LevelsAreBounded) {
  EXPECT_TRUE(Json::parse(std::string(64, '[') + std::string(64, ']')));
  EXPECT_FALSE(Json::parse(std::string(66, '[') + std::string(66, ']')));
  EXPECT_FALSE(Json::parse(std::string(1'000'000, '[')));
}

TEST(SdkUtf8, AcceptsExactlyTheScalarValues) {
  for (const char* good :
       {"", "a", "\u00e9", "\u0800", "\ud7ff", "\ue000", "\uffff", "\U00010000", "\U0010FFFF"})
    EXPECT_TRUE(is_utf8(good)) << good;
  for (const char* bad :
       {"\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xc3", "\xe2\x82", "\xf0\x9f\x98"})
    EXPECT_FALSE(is_utf8(bad));
}

TEST(SdkUtf8, WordsJoinedAreTheText) {
  for (const std::string text : {"", " ", "a", " a", "a ", "a  b c ", "\n a"}) {
    std::string joined;
    for (const std::string& w : split_words(text)) joined += w;
    EXPECT_EQ(joined, text);
  }
  EXPECT_EQ(split_words("a  b c").size(), 3u);
}

TEST(SdkMessages, ReadsStringsNullAndParts) {
  const auto m = read_messages(
      R"([{"role":"system","content":null},{"role":"user","content":"hi"},)"
      R"({"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}])");
  ASSERT_TRUE(m) << m.error().message;
  ASSERT_EQ(m->size(), 3u);
  EXPECT_EQ((*m)[0].text, "");
  EXPECT_EQ((*m)[1].text, "hi");
  EXPECT_EQ((*m)[2].text, "ab");
}

TEST(SdkMessages, RefusesWhatIsNoConversation) {
  for (const char* bad :
       {"", "{}", "[1]", R"([{"content":"x"}])", R"([{"role":"user","content":1}])",
        R"([{"role":"user","content":[{"type":"image_url"}]}])"}) {
    const auto m = read_messages(bad);
    ASSERT_FALSE(m) << bad;
    EXPECT_EQ(m.error().param, "messages");
  }
}

}  // namespace
}  // namespace serval::sdk
