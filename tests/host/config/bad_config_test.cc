// Configurations that must be refused, each with the exact text.
#include <gtest/gtest.h>

#include "host/config/server_config.h"

namespace serval::host {
namespace {

struct Bad {
  const char* name;
  const char* text;
  const char* errors;
};

class BadConfig : public testing::TestWithParam<Bad> {};

TEST_P(BadConfig, IsRefusedWithPlaceAndReason) {
  const Result<ServerConfig> config = parse_config(GetParam().text, "s.toml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message, GetParam().errors);
}

const Bad kBad[] = {
    {"UnknownKey", "[limits]\nbdy = \"1MiB\"\n",
     "s.toml:2:1: limits.bdy: unknown key; did you mean limits.body?"},
    {"UnknownTable", "[limts]\nbody = \"1MiB\"\n",
     "s.toml:1:2: limts: unknown key; did you mean limits?"},
    {"NothingNear", "[log]\nzzzzzzzz = 1\n", "s.toml:2:1: log.zzzzzzzz: unknown key"},
    {"BareNumberForSize", "[limits]\nbody = 32\n",
     "s.toml:2:8: limits.body: found 32, want a size as \"32MiB\" from 1KiB to 64GiB"},
    {"WrongUnit", "[limits]\nidle = \"10x\"\n",
     "s.toml:2:8: limits.idle: found \"10x\", want a duration as \"30s\" or \"250ms\" from 1s to "
     "24h"},
    {"OutOfRange", "[server]\nthreads = 0\n",
     "s.toml:2:11: server.threads: found 0, want an integer from 1 to 256"},
    {"Negative", "[server]\nthreads = -3\n",
     "s.toml:2:11: server.threads: found -3, want an integer from 1 to 256"},
    {"Overflow", "[limits]\nbody = \"99999999999999TiB\"\n",
     "s.toml:2:8: limits.body: found \"99999999999999TiB\", want a size as \"32MiB\" from 1KiB to "
     "64GiB"},
    {"WrongType", "[log]\nrequests = \"yes\"\n",
     "s.toml:2:12: log.requests: found \"yes\", want true or false"},
    {"Choice", "[log]\nlevel = \"loud\"\n",
     "s.toml:2:9: log.level: found \"loud\", want debug, info, warn or error"},
    {"PublicWithoutKeys", "[server]\nlisten = \"0.0.0.0:80\"\n",
     "s.toml:2:10: server.listen: found \"0.0.0.0:80\", which other machines can reach, but no "
     "auth.keys_file: want a loopback address, or a file of keys"},
    {"NoPort", "[server]\nlisten = \"127.0.0.1\"\n",
     "s.toml:2:10: server.listen: found \"127.0.0.1\", which has no port, want \"IP:PORT\", "
     "\"[IPV6]:PORT\" or \"unix:/PATH\""},
    {"NoListener", "[server]\nlisten = []\n",
     "s.toml:2:10: server.listen: found none, want an address"},
    {"HalfTls", "[tls]\ncert = \"a.pem\"\n",
     "s.toml:1:1: tls: found only one of cert and key, want both or none"},
    {"SectionIsNoTable", "limits = 3\n", "s.toml:1:10: limits: found 3, want a table"},
    {"ModelIsNoArray", "model = 3\n", "s.toml:1:9: model: found 3, want [[model]] tables"},
    {"ModelIncomplete", "[[model]]\nplugin = \"p\"\n",
     "s.toml:1:1: model.0.name: missing, want the name that clients use\n"
     "s.toml:1:1: model.0.path: missing, want a model file or folder"},
    {"ModelTwice", "[[model]]\nname = \"a\"\npath = \"p\"\n[[model]]\nname = \"a\"\npath = \"p\"\n",
     "s.toml:5:8: model.1.name: found \"a\" again, want a name of its own; first at s.toml:1:1"},
    {"ModelConfigDate", "[[model]]\nname = \"a\"\npath = \"p\"\n[model.config]\nx = 2020-01-01\n",
     "s.toml:5:5: model.0.config.x: found a date or time, which a plugin cannot be given"},
    {"AllAtOnce", "[server]\nthreads = 0\n[log]\nlevel = 1\nformt = \"json\"\n",
     "s.toml:2:11: server.threads: found 0, want an integer from 1 to 256\n"
     "s.toml:4:9: log.level: found 1, want debug, info, warn or error\n"
     "s.toml:5:1: log.formt: unknown key; did you mean log.format?"},
};

INSTANTIATE_TEST_SUITE_P(Table, BadConfig, testing::ValuesIn(kBad),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(BadConfigText, SyntaxErrorNamesItsPlace) {
  const auto config = parse_config("[server\nthreads = 1\n", "s.toml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message.substr(0, 9), "s.toml:1:");
  EXPECT_NE(config.error().message.find("not TOML"), std::string::npos);
}

TEST(BadConfigText, WhatTheParserDoesNotExpectIsAnError) {
  for (const char* text : {"x = [ }],", "x = [1, 'x', }]", "x = [}]\n", "x = [1,} 'x'  .a = "})
    EXPECT_FALSE(parse_config(text, "s.toml")) << text;
}

TEST(BadConfigText, DeepNestingIsAnError) {
  std::string dots = "a";
  for (int i = 0; i < 100'000; ++i) dots += ".a";
  EXPECT_FALSE(parse_config(dots + " = 1\n", "s.toml"));
  EXPECT_FALSE(parse_config("a = " + std::string(100'000, '['), "s.toml"));
  EXPECT_FALSE(parse_config("a = " + std::string(100'000, '{'), "s.toml"));
  EXPECT_FALSE(parse_config(std::string(2 << 20, '#'), "s.toml"));
}

}  // namespace
}  // namespace serval::host
