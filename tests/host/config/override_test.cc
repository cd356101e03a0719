#include <gtest/gtest.h>

#include "host/config/server_config.h"

namespace serval::host {
namespace {

constexpr const char* kText = "[[model]]\nname = \"qwen2.5\"\npath = \"p\"\n";

TEST(Override, ValuesAreTomlOrElseText) {
  const auto c = parse_config(
      kText, "s.toml",
      {"server.listen=127.0.0.1:9000", "server.threads=2", "log.level=warn", "limits.body=\"2MiB\"",
       "model.\"qwen2.5\".path=/q", "model.0.config.x=[1]", "model.1.name=new", "model.1.path=/n"});
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->server.listen_addresses[0].port, 9000);
  EXPECT_EQ(c->server.threads, 2);
  EXPECT_EQ(c->log.level, "warn");
  EXPECT_EQ(c->limits.net.body_bytes, 2u << 20);
  ASSERT_EQ(c->models.size(), 2u);
  EXPECT_EQ(c->models[0].spec.path, "/q");
  EXPECT_EQ(c->models[0].spec.config_json, R"({"x":[1]})");
  EXPECT_EQ(c->models[1].spec.name, "new");
}

TEST(Override, TheLastOneWins) {
  const auto c = parse_config("", "", {"server.threads=2", "server.threads=3"});
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->server.threads, 3);
}

struct Bad {
  const char* text;
  const char* error;
};

// A value of a wrong type is found out where the key is read.
TEST(Override, ReachesEveryKey) {
  for (const KeyDescription& key : describe_config()) {
    std::string name = key.key;
    if (name.starts_with("model.")) name.insert(name.find('.'), ".0");
    const std::string option = name + (key.type == "table" ? "=1" : "={}");
    const auto c = parse_config(kText, "s.toml", {option});
    ASSERT_FALSE(c) << option;
    EXPECT_NE(c.error().message.find("--set " + option + ": " + name + ": found "),
              std::string::npos)
        << c.error().message;
  }
}

TEST(Override, ErrorsNameTheOption) {
  const Bad kBad[] = {
      {"server.threads", "--set server.threads: found no '=', want key=value"},
      {"=3", "--set =3: found a malformed key, want names with dots between them"},
      {"a..b=3", "--set a..b=3: found a malformed key, want names with dots between them"},
      {"server.threads=0",
       "--set server.threads=0: server.threads: found 0, want an integer from 1 to 256"},
      {"server.thread=1",
       "--set server.thread=1: server.thread: unknown key; did you mean server.threads?"},
      {"server.threads=1\nlog.level=2",
       "--set server.threads=1?log.level=2: server.threads: found \"1\\x0alog.level=2\", want an "
       "integer from 1 to 256"},
      {"model.nope.path=x",
       "--set model.nope.path=x: model: found \"nope\", want model.INDEX.KEY or model.NAME.KEY; "
       "the models are qwen2.5"},
      {"model.2.path=x",
       "--set model.2.path=x: model: found \"2\", want model.INDEX.KEY or model.NAME.KEY; the "
       "models are qwen2.5"},
  };
  for (const Bad& bad : kBad) {
    const auto c = parse_config(kText, "s.toml", {bad.text});
    ASSERT_FALSE(c) << bad.text;
    EXPECT_EQ(c.error().message, bad.error);
  }
}

}  // namespace
}  // namespace serval::host
