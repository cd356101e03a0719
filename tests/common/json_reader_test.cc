#include "common/json_reader.h"

#include <gtest/gtest.h>

namespace serval {
namespace {

Status unknown(const std::string& key) {
  json::object object;
  object[key] = 1;
  JsonReader reader(object);
  float number = 0;
  reader.read("temperature", number, 0, 2);
  reader.read("top_p", number, 0, 1);
  return reader.finish();
}

TEST(JsonReader, UnknownKeysAreNamedWithWhatMayBeMeant) {
  const Status near = unknown("temprature");
  EXPECT_EQ(near.error().message, "unknown parameter temprature; did you mean temperature?");
  EXPECT_EQ(near.error().param, "temprature");
  EXPECT_EQ(unknown("beams").error().message, "unknown parameter beams");
}

// A key comes from outside; an error must not be as large as it.
TEST(JsonReader, LongKeysAreCutBetweenCharacters) {
  std::string key = "x";
  while (key.size() < 100'000) key += "\u00e4";
  const Status status = unknown(key);
  EXPECT_LT(status.error().message.size(), 200u);
  EXPECT_LT(status.error().param.size(), 200u);
  EXPECT_EQ(status.error().param, key.substr(0, status.error().param.size()));
  EXPECT_EQ(status.error().param.size() % 2, 1u);
}

}  // namespace
}  // namespace serval
