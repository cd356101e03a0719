// What is taken, passed on and refused, by name.
#include "host/protocols/openai/params.h"

#include <gtest/gtest.h>

namespace serval::host {
namespace {

Result<GenerateParams> chat(const std::string& more) {
  return parse_chat(R"({"model":"m","messages":[{"role":"user","content":"hi"}])" + more + "}", {});
}
Result<GenerateParams> complete(const std::string& more) {
  return parse_completion(R"({"model":"m","prompt":"p")" + more + "}", {});
}

struct Refused {
  const char* json;
  const char* param;
};

void PrintTo(const Refused& c, std::ostream* out) { *out << c.json; }

class ChatRefuses : public testing::TestWithParam<Refused> {};
TEST_P(ChatRefuses, NamingTheParameter) {
  const auto params = chat(std::string(",") + GetParam().json);
  ASSERT_FALSE(params) << GetParam().json;
  EXPECT_EQ(params.error().code, Code::invalid_argument);
  EXPECT_EQ(params.error().param, GetParam().param) << params.error().message;
  EXPECT_NE(params.error().message.find(std::string(GetParam().param).substr(0, 6)),
            std::string::npos);
}

const Refused kChatRefused[] = {
    {R"("temperature":2.1)", "temperature"},
    {R"("temperature":"1")", "temperature"},
    {R"("top_p":-0.1)", "top_p"},
    {R"("top_k":1.5)", "top_k"},
    {R"("top_k":-1)", "top_k"},
    {R"("min_p":2)", "min_p"},
    {R"("repetition_penalty":0)", "repetition_penalty"},
    {R"("frequency_penalty":3)", "frequency_penalty"},
    {R"("presence_penalty":-3)", "presence_penalty"},
    {R"("max_tokens":0)", "max_tokens"},
    {R"("max_tokens":true)", "max_tokens"},
    {R"("max_tokens":3,"max_completion_tokens":4)", "max_completion_tokens"},
    {R"("seed":1.5)", "seed"},
    {R"("seed":18446744073709551615)", "seed"},
    {R"("n":0)", "n"},
    {R"("n":129)", "n"},
    {R"("stop":1)", "stop"},
    {R"("stop":[""])", "stop"},
    {R"("stop":["1","2","3","4","5","6","7","8","9","a","b","c","d","e","f","g","h"])", "stop"},
    {R"("logit_bias":[])", "logit_bias"},
    {R"("logit_bias":{"a":1})", "logit_bias"},
    {R"("logit_bias":{"1":101})", "logit_bias"},
    {R"("logit_bias":{"1":"x"})", "logit_bias"},
    {R"("logprobs":1)", "logprobs"},
    {R"("top_logprobs":3)", "top_logprobs"},
    {R"("logprobs":true,"top_logprobs":21)", "top_logprobs"},
    {R"("stream":1)", "stream"},
    {R"("stream_options":{"include_usage":true})", "stream_options"},
    {R"("stream":true,"stream_options":{"x":1})", "stream_options.x"},
    {R"("user":1)", "user"},
    {R"("cache_salt":1)", "cache_salt"},
    {R"("cache_salt":["a"])", "cache_salt"},
    {R"("service_tier":"flex")", "service_tier"},
    {R"("store":true)", "store"},
    {R"("response_format":{"type":"json_object"})", "response_format"},
    {R"("modalities":["text","audio"])", "modalities"},
    {R"("tools":[])", "tools"},
    {R"("tool_choice":"auto")", "tool_choice"},
    {R"("functions":[])", "functions"},
    {R"("metadata":{"a":"b"})", "metadata"},
    {R"("prediction":{})", "prediction"},
    {R"("audio":{})", "audio"},
    {R"("ignore_eos":1)", "ignore_eos"},
    {R"("chat_template_kwargs":1)", "chat_template_kwargs"},
    {R"("no_such_thing":1)", "no_such_thing"},
    {R"("echo":true)", "echo"},
};
INSTANTIATE_TEST_SUITE_P(Table, ChatRefuses, testing::ValuesIn(kChatRefused));

class CompletionRefuses : public testing::TestWithParam<Refused> {};
TEST_P(CompletionRefuses, NamingTheParameter) {
  const auto params = complete(std::string(",") + GetParam().json);
  ASSERT_FALSE(params) << GetParam().json;
  EXPECT_EQ(params.error().param, GetParam().param) << params.error().message;
}
const Refused kCompletionRefused[] = {
    {R"("logprobs":true)", "logprobs"},   {R"("logprobs":21)", "logprobs"},
    {R"("best_of":2)", "best_of"},        {R"("suffix":"x")", "suffix"},
    {R"("max_tokens":-1)", "max_tokens"}, {R"("max_completion_tokens":1)", "max_completion_tokens"},
    {R"("messages":[])", "messages"},     {R"("echo":1)", "echo"},
};
INSTANTIATE_TEST_SUITE_P(Table, CompletionRefuses, testing::ValuesIn(kCompletionRefused));

TEST(ChatParams, EverythingSupportedIsPassedOn) {
  const auto params = chat(
      R"(,"max_completion_tokens":5,"temperature":0.5,"top_p":1,"top_k":40,"min_p":0.05,)"
      R"("repetition_penalty":1.1,"frequency_penalty":-2,"presence_penalty":2,)"
      R"("logit_bias":{"50":-100},"seed":-1,"stop":"x","n":2,"logprobs":true,"top_logprobs":3,)"
      R"("ignore_eos":true,"user":"u","service_tier":"auto","store":false,)"
      R"("response_format":{"type":"text"},"modalities":["text"],"tools":null,)"
      R"("chat_template_kwargs":{"a":1},"stream":true,"stream_options":{"include_usage":true})");
  ASSERT_TRUE(params) << params.error().message;
  const json::object want = {{"max_tokens", 5},
                             {"temperature", 0.5},
                             {"top_p", 1},
                             {"top_k", 40},
                             {"min_p", 0.05},
                             {"repetition_penalty", 1.1},
                             {"frequency_penalty", -2},
                             {"presence_penalty", 2},
                             {"logit_bias", {{"50", -100}}},
                             {"seed", -1},
                             {"stop", {"x"}},
                             {"n", 2},
                             {"logprobs", true},
                             {"top_logprobs", 3},
                             {"ignore_eos", true},
                             {"template_params", {{"a", 1}}}};
  json::object expected = want;
  expected["stop"] = json::array{"x"};
  EXPECT_EQ(params->plugin, expected) << json::serialize(params->plugin);
  EXPECT_TRUE(params->stream);
  EXPECT_TRUE(params->include_usage);
  EXPECT_EQ(params->choices(), 2);
}

TEST(ChatParams, TheCacheSaltIsBounded) {
  const auto salted = [](std::size_t bytes) {
    return chat(",\"cache_salt\":\"" + std::string(bytes, 's') + '"');
  };
  ASSERT_TRUE(salted(128));
  EXPECT_EQ(salted(128)->cache_salt, std::string(128, 's'));
  EXPECT_TRUE(salted(128)->plugin.empty());  // the host's, not the model's
  ASSERT_FALSE(salted(129));
  EXPECT_EQ(salted(129).error().param, "cache_salt");
}

TEST(ChatParams, DefaultsAreTheModels) {
  const auto params = chat("");
  ASSERT_TRUE(params);
  EXPECT_EQ(params->plugin, json::object{});
  EXPECT_FALSE(params->stream);
}

TEST(ChatParams, BothTokenLimitsMayAgree) {
  const auto params = chat(R"(,"max_tokens":5,"max_completion_tokens":5)");
  ASSERT_TRUE(params);
  EXPECT_EQ(params->plugin.at("max_tokens"), 5);
}

TEST(ChatParams, BodiesThatAreNoRequest) {
  for (const char* body : {"", "[]", "1", "{", "{\"model\":\"m\",\"model\":\"m\"}", "\xff",
                           "{\"model\":1,\"messages\":[]}"}) {
    EXPECT_FALSE(parse_chat(body, {})) << body;
    EXPECT_FALSE(parse_completion(body, {})) << body;
  }
  EXPECT_EQ(parse_chat(R"({"messages":[{"role":"user","content":""}]})", {}).error().param,
            "model");
  EXPECT_EQ(parse_chat(R"({"model":"m"})", {}).error().param, "messages");
  EXPECT_EQ(parse_completion(R"({"model":"m"})", {}).error().param, "prompt");
  const std::string deep = std::string(1000, '[') + std::string(1000, ']');
  EXPECT_FALSE(parse_chat(R"({"model":"m","messages":)" + deep + "}", {}));
}

TEST(CompletionParams, PromptsOfAllKinds) {
  const auto prompts = [](const std::string& prompt) {
    return parse_completion(R"({"model":"m","prompt":)" + prompt + "}", {});
  };
  EXPECT_EQ(prompts(R"("a")")->prompts.size(), 1u);
  EXPECT_EQ(prompts(R"("")")->prompts.size(), 1u);
  EXPECT_EQ(prompts(R"(["a","b"])")->prompts[1].text, "b");
  EXPECT_EQ(prompts("[1,2]")->prompts[0].tokens.size(), 2u);
  EXPECT_EQ(prompts("[[1],[2,3]]")->prompts[1].tokens.size(), 2u);
  for (const char* bad : {"1", "{}", "[]", "[[]]", "[1,\"a\"]", "[\"a\",1]", "[[1],2]", "[-1]",
                          "[1.5]", "[3000000000]", "[[1],[\"a\"]]", "null"}) {
    const auto params = prompts(bad);
    ASSERT_FALSE(params) << bad;
    EXPECT_EQ(params.error().param, "prompt");
  }
}

TEST(CompletionParams, ChoicesAreBoundedOverAllPrompts) {
  const GenerateLimits limits{4};
  EXPECT_TRUE(parse_completion(R"({"model":"m","prompt":["a","b"],"n":2})", limits));
  EXPECT_FALSE(parse_completion(R"({"model":"m","prompt":["a","b"],"n":3})", limits));
  EXPECT_FALSE(parse_completion(R"({"model":"m","prompt":["a","b","c","d","e"]})", limits));
}

TEST(CompletionParams, ScoresAPrompt) {
  const auto params = complete(R"(,"echo":true,"logprobs":0,"max_tokens":0,"best_of":1)");
  ASSERT_TRUE(params) << params.error().message;
  EXPECT_TRUE(params->echo);
  EXPECT_TRUE(params->logprobs);
  EXPECT_EQ(params->top_logprobs, 0);
  EXPECT_EQ(json::serialize(params->plugin), R"({"max_tokens":0,"logprobs":true,"echo":true})");
}

}  // namespace
}  // namespace serval::host
