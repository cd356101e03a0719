#include "host/config/units.h"

#include <gtest/gtest.h>

namespace serval::host {
namespace {

TEST(Units, SizesRoundTrip) {
  for (const char* text : {"0B", "1B", "1536B", "32MiB", "7TiB"})
    EXPECT_EQ(format_size(*parse_size(text)), text);
  EXPECT_EQ(parse_size("2KiB"), 2048u);
}

TEST(Units, DurationsRoundTrip) {
  for (const char* text : {"0s", "250ms", "90s", "3m", "5h"})
    EXPECT_EQ(format_duration(*parse_duration(text)), text);
}

TEST(Units, WhatIsNoAmountIsRefused) {
  for (const char* text : {"", "B", "1", "1 KiB", "-1B", "1.5MiB", "1mib", "1MB", "+1B",
                           "18446744073709551616B", "18446744073709551615KiB"})
    EXPECT_FALSE(parse_size(text)) << text;
  for (const char* text : {"", "s", "1", "1 s", "1d", "1us", "1S", "18446744073709551615s"})
    EXPECT_FALSE(parse_duration(text)) << text;
}

}  // namespace
}  // namespace serval::host
