#include "host/protocols/json_text.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>

#include "common/json.h"
#include "tests/host/protocols/fake_embedder.h"

namespace serval::host {
namespace {

std::string floats(const std::vector<float>& numbers) {
  std::string out;
  EXPECT_TRUE(append_floats(out, bytes_of(numbers)));
  return out;
}

TEST(JsonText, FloatsAreTheShortestThatReadTheSame) {
  EXPECT_EQ(floats({}), "[]");
  EXPECT_EQ(floats({0.1f, -0.0f, 1, 16777216, 1e-5f, 3.4028235e38f}),
            "[0.1,-0,1,16777216,1e-05,3.4028235e+38]");
  std::vector<float> numbers;
  uint32_t bits = 1;
  for (int i = 0; i < 4000; ++i) {
    bits = bits * 1664525u + 1013904223u;
    float number;
    std::memcpy(&number, &bits, 4);
    if (std::isfinite(number)) numbers.push_back(number);
  }
  numbers.push_back(std::numeric_limits<float>::denorm_min());
  numbers.push_back(-std::numeric_limits<float>::min());
  const Result<json::value> parsed = parse_json(floats(numbers));
  ASSERT_TRUE(parsed) << parsed.error().message;
  ASSERT_EQ(parsed->as_array().size(), numbers.size());
  for (std::size_t i = 0; i < numbers.size(); ++i)
    EXPECT_EQ(float(parsed->as_array()[i].to_number<double>()), numbers[i]);
}

TEST(JsonText, WhatIsNoNumberIsReported) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
        -std::numeric_limits<float>::infinity()}) {
    std::string out;
    EXPECT_FALSE(append_floats(out, bytes_of({1, bad, 2})));
  }
}

TEST(JsonText, Base64) {
  const auto encoded = [](std::string_view text) {
    std::string out = "x";
    append_base64(out, text);
    return out;
  };
  EXPECT_EQ(encoded(""), "x\"\"");
  EXPECT_EQ(encoded("f"), "x\"Zg==\"");
  EXPECT_EQ(encoded("fo"), "x\"Zm8=\"");
  EXPECT_EQ(encoded("foo"), "x\"Zm9v\"");
  EXPECT_EQ(encoded("foobar"), "x\"Zm9vYmFy\"");
  EXPECT_EQ(encoded("\xff\xfe\xfd"), "x\"//79\"");
}

}  // namespace
}  // namespace serval::host
