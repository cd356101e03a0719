#include <gtest/gtest.h>
#include <sstream>
#include <thread>

#include "common/json.h"
#include "host/observability/log_line.h"
#include "host/observability/logger.h"

namespace serval::host {
namespace {

constexpr int64_t kTime = 1'700'000'000'123'000'000;  // 2023-11-14T22:13:20.123Z

TEST(LogLine, JsonHoldsEveryField) {
  const LogField fields[] = {{"model", "m"}, {"n", "3"}};
  EXPECT_EQ(
      json_log_line(kTime, 2, "hello", fields),
      R"({"time":"2023-11-14T22:13:20.123Z","level":"warn","message":"hello","model":"m","n":"3"})");
}

TEST(LogLine, TextQuotesWhatIsNotPlain) {
  const LogField fields[] = {{"a", "plain"}, {"b", "two words"}, {"c", ""}, {"d", "x=\"y\""}};
  EXPECT_EQ(text_log_line(kTime, 1, "hello", fields),
            "2023-11-14T22:13:20.123Z info hello a=plain b=\"two words\" c=\"\" "
            "d=\"x=\\\"y\\\"\"");
}

TEST(LogLine, NothingInAValueEndsTheLineOrBreaksTheJson) {
  std::string hostile;
  for (int c = 0; c < 256; ++c) hostile += char(c);
  hostile += "\xe2\x80\xa8\xc2\x85\"}\n{\"level\":\"error\"}";
  const LogField fields[] = {{"value", hostile}, {"k\n", "v"}};
  for (const std::string& line :
       {json_log_line(kTime, 1, hostile, fields), text_log_line(kTime, 1, hostile, fields)}) {
    for (const unsigned char c : line) EXPECT_TRUE(c >= 0x20 && c != 0x7f);
    EXPECT_EQ(line.find("\xe2\x80\xa8"), std::string::npos);
  }
  EXPECT_TRUE(parse_json(json_log_line(kTime, 1, hostile, fields)));
}

TEST(LogLine, IsBounded) {
  const std::string huge(100'000, '\x01');
  std::vector<LogField> fields(100, {"key", huge});
  EXPECT_LE(json_log_line(kTime, 1, huge, fields).size(), kLongestLogLine);
  EXPECT_LE(text_log_line(kTime, 1, huge, fields).size(), kLongestLogLine);
  EXPECT_TRUE(parse_json(json_log_line(kTime, 1, huge, std::span(fields).first(1))));
}

TEST(Logger, WritesLinesOfItsLevelFromManyThreads) {
  std::ostringstream out;
  {
    Logger logger({.level = 1, .stream = &out});
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 100; ++i) {
          logger.write(0, "not written");
          logger.write(1, "written");
        }
      });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(logger.dropped(), 0u);
  }
  std::istringstream lines(out.str());
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count)
    EXPECT_NE(line.find("\"message\":\"written\""), std::string::npos);
  EXPECT_EQ(count, 400);
}

}  // namespace
}  // namespace serval::host
