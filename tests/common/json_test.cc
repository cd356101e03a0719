#include "common/json.h"

#include <gtest/gtest.h>

namespace serval {
namespace {

TEST(ParseJson, ReadsAValue) {
  const auto value = parse_json(R"({"a":[1,2.5,"x"],"b":{"a":null}})");
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(value->at("a").at(2).as_string(), "x");
}

TEST(ParseJson, RefusesDuplicateKeysByName) {
  const auto value = parse_json(R"({"model":"a","x":{"model":1},"model":"b"})");
  ASSERT_FALSE(value.ok());
  EXPECT_NE(value.error().message.find("\"model\""), std::string::npos);
}

TEST(ParseJson, RefusesTrailingBytes) { EXPECT_FALSE(parse_json("{} x").ok()); }
TEST(ParseJson, RefusesTruncation) { EXPECT_FALSE(parse_json("{\"a\":").ok()); }
TEST(ParseJson, RefusesInvalidUtf8) { EXPECT_FALSE(parse_json("\"\xff\"").ok()); }

TEST(ParseJson, RefusesDeepNesting) {
  const std::string deep = std::string(70, '[') + std::string(70, ']');
  EXPECT_FALSE(parse_json(deep).ok());
  EXPECT_TRUE(parse_json(deep, 70).ok());
}

}  // namespace
}  // namespace serval
