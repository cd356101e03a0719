#include "serval/sdk/params.hpp"

#include <gtest/gtest.h>

namespace serval::sdk {
namespace {

struct Values {
  int64_t count = 7;
  double heat = 0.5;
  bool loud = false;
  std::string name = "none";
};

Status read(std::string_view json, Values& v) {
  ParamReader params(json);
  params.optional("count", v.count, 1, 10);
  params.optional("heat", v.heat, 0, 2);
  params.optional("loud", v.loud);
  params.optional("name", v.name);
  return params.finish();
}

TEST(SdkParams, ReadsWhatIsThereAndKeepsDefaults) {
  Values v;
  ASSERT_TRUE(read(R"({"count":10,"heat":2,"name":"x"})", v).ok());
  EXPECT_EQ(v.count, 10);
  EXPECT_EQ(v.heat, 2.0);
  EXPECT_FALSE(v.loud);
  EXPECT_EQ(v.name, "x");
  Values defaults;
  EXPECT_TRUE(read("", defaults).ok());
  EXPECT_EQ(defaults.count, 7);
}

TEST(SdkParams, NamesTheKeyThatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"count":11})", "count"}, {R"({"count":1.5})", "count"}, {R"({"count":"1"})", "count"},
      {R"({"heat":-0.1})", "heat"}, {R"({"heat":null})", "heat"},  {R"({"loud":1})", "loud"},
      {R"({"name":true})", "name"}, {R"({"cuont":1})", "cuont"},
  };
  for (const auto& [json, key] : cases) {
    Values v;
    const Status s = read(json, v);
    ASSERT_FALSE(s.ok()) << json;
    EXPECT_EQ(s.error().code, SERVAL_INVALID_ARGUMENT);
    EXPECT_EQ(s.error().param, key) << json;
    EXPECT_NE(s.error().message.find(key), std::string::npos);
  }
}

TEST(SdkParams, RefusesWhatIsNoObject) {
  for (const char* json : {"[]", "1", "{", "null"}) {
    Values v;
    EXPECT_FALSE(read(json, v).ok()) << json;
  }
}

}  // namespace
}  // namespace serval::sdk
