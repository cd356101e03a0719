// Whatever stands in the file or in --set, the answer is a configuration or an error.
#include <gtest/gtest.h>
#include <random>

#include "host/config/server_config.h"

namespace serval::host {
namespace {

const std::string kSeed = R"(# all kinds of values
[server]
listen = ["127.0.0.1:9000", "unix:/run/s.sock"]
threads = 3
drain_notice = "250ms"
[limits]
body = "1MiB"
queue_wait = "20s"
[[model]]
name = "m"
path = '''/x'''
queue = { bytes = "2MiB", items = 0x10 }
[model.config]
list = [1, 2.5e3, true, "t\u00e9"]
"a.b".c = { d = """x
y""" }
)";

std::string mutate(std::string text, std::mt19937& random) {
  static const std::string kPieces[] = {"\"",  "'''", "[[", "]]",   "{",    "}",  "=", ".",
                                        "\\u", "\n",  "#",  "\xff", "1e99", "--", ",", "\t"};
  for (int edits = 1 + int(random() % 8); edits > 0; --edits) {
    const std::size_t at = random() % (text.size() + 1);
    switch (random() % 4) {
      case 0:
        text.insert(at, kPieces[random() % std::size(kPieces)]);
        break;
      case 1:
        text.erase(at, random() % 16);
        break;
      case 2:
        text.insert(at, text.substr(random() % (text.size() + 1), random() % 40));
        break;
      default:
        if (at < text.size()) text[at] = char(random());
    }
  }
  return text;
}

TEST(ConfigMutation, GivesAConfigurationOrAnError) {
  std::mt19937 random(7);
  int good = 0, bad = 0;
  for (int i = 0; i < 4000; ++i) {
    const auto config = parse_config(mutate(kSeed, random), "s.toml");
    if (config) {
      ++good;
      EXPECT_FALSE(config->server.listen_addresses.empty());
    } else {
      ++bad;
      EXPECT_FALSE(config.error().message.empty());
    }
  }
  EXPECT_GT(good, 0);
  EXPECT_GT(bad, 0);
}

TEST(ConfigMutation, OverridesGiveAConfigurationOrAnError) {
  std::mt19937 random(8);
  int bad = 0;
  for (int i = 0; i < 4000; ++i) {
    const auto config = parse_config("[[model]]\nname = \"m\"\npath = \"p\"\n", "s.toml",
                                     {mutate("model.m.config.list=[1, 'x', { a = 2 }]", random),
                                      mutate("server.listen=\"127.0.0.1:9000\"", random)});
    if (config) continue;
    ++bad;
    EXPECT_FALSE(config.error().message.empty());
  }
  EXPECT_GT(bad, 0);
}

}  // namespace
}  // namespace serval::host
