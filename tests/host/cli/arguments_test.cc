#include "host/cli/arguments.h"

#include <gtest/gtest.h>

namespace serval::host {
namespace {

constexpr OptionSpec kSpecs[] = {{"--config", "FILE", "the file", false},
                                 {"--set", "KEY=VALUE", "a key", true},
                                 {"--help", "", "help", false}};

std::string error_of(std::vector<std::string> words) {
  const auto parsed = Arguments::parse(words, kSpecs);
  return parsed ? "" : parsed.error().message;
}

TEST(Arguments, TakesBothForms) {
  const std::vector<std::string> words = {"--config=a", "--set", "x=1", "--set=y=2", "--help"};
  const auto parsed = Arguments::parse(words, kSpecs);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->get("--config"), "a");
  EXPECT_EQ(parsed->all("--set"), (std::vector<std::string>{"x=1", "y=2"}));
  EXPECT_TRUE(parsed->has("--help"));
}

TEST(Arguments, SaysWhatIsWrong) {
  EXPECT_EQ(error_of({"--confg", "a"}), "unknown option '--confg'; did you mean '--config'?");
  EXPECT_EQ(error_of({"--config"}), "--config wants a value: --config FILE");
  EXPECT_EQ(error_of({"--config=a", "--config=b"}), "--config is given twice");
  EXPECT_EQ(error_of({"--help=yes"}), "--help takes no value");
  EXPECT_EQ(error_of({"stray"}), "unexpected argument 'stray'");
}

}  // namespace
}  // namespace serval::host
