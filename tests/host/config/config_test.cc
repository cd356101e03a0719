#include <gtest/gtest.h>

#include "host/config/server_config.h"

namespace serval::host {
namespace {

TEST(Config, EmptyTextGivesTheDefaults) {
  const auto config = parse_config("", "s.toml");
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->server.listen_addresses.size(), 1u);
  EXPECT_EQ(config->server.listen_addresses[0].text(), "127.0.0.1:8080");
  EXPECT_TRUE(config->server.admin_addresses.empty());
  EXPECT_EQ(config->limits.net.body_bytes, NetLimits().body_bytes);
  EXPECT_TRUE(config->models.empty());
}

TEST(Config, ReadsEverySection) {
  const auto config = parse_config(R"(
[server]
listen = ["127.0.0.1:9000", "[::1]:9001", "unix:/run/s.sock"]
admin = "unix:/run/a.sock"
threads = 3
drain_notice = "250ms"
[limits]
body = "1MiB"
stream_buffer = "64KiB"
queue_items = 7
[log]
format = "text"
[[model]]
name = "m"
plugin = "p"
path = "/x"
swap = "resource"
autoload = false
queue = { bytes = "2MiB", wait = "20s" }
[model.config]
depth = 3
list = [1, 2.5, true, "t"]
table = { "a/b" = "c" }
)",
                                   "s.toml");
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->server.listen_addresses.size(), 3u);
  EXPECT_EQ(config->server.listen_addresses[1].host, "::1");
  EXPECT_EQ(config->server.listen_addresses[2].unix_path, "/run/s.sock");
  EXPECT_EQ(config->server.threads, 3);
  EXPECT_EQ(config->server.drain_notice_ns, 250'000'000u);
  EXPECT_EQ(config->limits.net.body_bytes, 1u << 20);
  EXPECT_EQ(config->limits.stream.high_bytes, 64u << 10);
  EXPECT_EQ(config->limits.stream.low_bytes, 16u << 10);
  EXPECT_EQ(config->log.format, "text");
  ASSERT_EQ(config->models.size(), 1u);
  const ModelSpec& spec = config->models[0].spec;
  EXPECT_EQ(spec.swap, SwapPolicy::resource);
  EXPECT_FALSE(spec.autoload);
  EXPECT_EQ(spec.queue.items, 7u);  // from [limits]
  EXPECT_EQ(spec.queue.bytes, 2u << 20);
  EXPECT_EQ(spec.queue.max_wait_ns, 20'000'000'000u);
  EXPECT_EQ(spec.config_json, R"({"depth":3,"list":[1,2.5E0,true,"t"],"table":{"a/b":"c"}})");
  EXPECT_EQ(config->models[0].places.at("/depth"), "s.toml:21:9");
  EXPECT_EQ(config->models[0].places.at("/table/a~1b"), "s.toml:23:19");
}

TEST(Config, LoopbackIsKnown) {
  for (const char* text : {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "unix:/a"})
    EXPECT_TRUE(parse_address(text)->loopback()) << text;
  for (const char* text : {"0.0.0.0:1", "10.0.0.1:1", "[::]:1"})
    EXPECT_FALSE(parse_address(text)->loopback()) << text;
  for (const char* text : {"", ":", "1.2.3.4:", "1.2.3.4:65536", "localhost:1", "::1:1", "[::1]",
                           "unix:rel", "1.2.3.4:-1"})
    EXPECT_FALSE(parse_address(text)) << text;
}

TEST(Config, MissingFileIsNamed) {
  const auto config = load_config({.file = "/nowhere/serval.toml", .texts = {}});
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message, "/nowhere/serval.toml: there is no such file");
}

}  // namespace
}  // namespace serval::host
