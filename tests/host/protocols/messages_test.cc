#include <gtest/gtest.h>

#include "host/protocols/openai/params.h"

namespace serval::host {
namespace {

Result<std::string> conversation(const std::string& text) {
  return conversation_text(parse_json(text).ok() ? *parse_json(text) : json::value());
}

TEST(Messages, PassAsTheyAre) {
  for (const char* text :
       {R"([{"role":"system","content":"s"},{"role":"user","content":"u"}])",
        R"([{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}])",
        R"([{"role":"tool","tool_call_id":"1","content":"r"}])",
        R"([{"role":"user","name":"n","content":""}])"}) {
    const auto got = conversation(text);
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(*got, text);
  }
}

TEST(Messages, DeveloperIsSystemAndEmptyKeysVanish) {
  EXPECT_EQ(*conversation(R"([{"role":"developer","content":"d"}])"),
            R"([{"role":"system","content":"d"}])");
  EXPECT_EQ(*conversation(R"([{"role":"assistant","content":"a","refusal":null,"annotations":[],)"
                          R"("audio":null,"function_call":null,"tool_calls":null}])"),
            R"([{"role":"assistant","content":"a"}])");
  EXPECT_EQ(*conversation(R"([{"role":"assistant","tool_calls":[{"id":"1"}]}])"),
            R"([{"role":"assistant","tool_calls":[{"id":"1"}],"content":null}])");
}

TEST(Messages, AreRefusedWithTheirPlace) {
  const std::pair<const char*, const char*> table[] = {
      {"1", "array"},
      {"[]", "at least one"},
      {"[1]", "messages[0]"},
      {R"([{"content":"x"}])", "messages[0].role"},
      {R"([{"role":"root","content":"x"}])", "messages[0].role"},
      {R"([{"role":"user"}])", "messages[0].content"},
      {R"([{"role":"user","content":null}])", "messages[0].content"},
      {R"([{"role":"user","content":1}])", "messages[0].content"},
      {R"([{"role":"user","content":"x","foo":1}])", "\"foo\""},
      {R"([{"role":"assistant","content":"x","audio":{"id":"1"}}])", "messages[0].audio"},
      {R"([{"role":"user","content":["x"]}])", "messages[0].content[0]"},
      {R"([{"role":"user","content":[{"type":"text"}]}])", "messages[0].content[0].text"},
      {R"([{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url"}]}])",
       "messages[0].content[1] is of type \"image_url\""},
      {R"([{"role":"user","content":[{"type":"input_audio"}]}])", "\"input_audio\""},
  };
  for (const auto& [text, want] : table) {
    const auto got = conversation(text);
    ASSERT_FALSE(got) << text;
    EXPECT_NE(got.error().message.find(want), std::string::npos) << got.error().message;
  }
}

}  // namespace
}  // namespace serval::host
