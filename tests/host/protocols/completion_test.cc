// POST /v1/completions: several prompts, echo and the legacy form of log-probabilities.
#include <gtest/gtest.h>

#include "common/json.h"
#include "host/protocols/openai/routes.h"
#include "tests/host/protocols/fake_registry.h"

namespace serval::host {
namespace {

struct Completion : testing::Test {
  FakeRegistry registry{"m"};
  Router router;
  Completion() { add_openai_routes(router, {&registry}); }

  Got post(const std::string& more) {
    return post_json(router, "/v1/completions", R"({"model":"m",)" + more + "}");
  }
};

json::value at(const std::string& text, const std::string& pointer) {
  boost::system::error_code ec;
  Result<json::value> root = parse_json(text);
  EXPECT_TRUE(root) << text;
  const json::value* found = root ? root->find_pointer(pointer, ec) : nullptr;
  EXPECT_NE(found, nullptr) << pointer << " in " << text;
  return found != nullptr ? *found : json::value();
}

TEST_F(Completion, SeveralPromptsAreSeveralRequests) {
  Got got = post(R"("prompt":["a","b"],"n":2,"max_tokens":3)");
  ASSERT_EQ(registry.requests.size(), 2u);
  EXPECT_EQ(registry.requests[1].op, "complete");
  EXPECT_EQ(registry.requests[1].inputs.at(0), "b");
  EXPECT_EQ(registry.requests[1].params_json, R"({"n":2,"max_tokens":3})");
  for (uint32_t call = 0; call < 2; ++call) {
    for (uint32_t i = 0; i < 2; ++i) {
      registry.calls[call]->emit(i, std::to_string(call) + std::to_string(i));
      registry.calls[call]->close(i);
    }
  }
  registry.calls[1]->end(2, 4, 1);
  EXPECT_FALSE(read_on(got));
  registry.calls[0]->end(1, 4);
  ASSERT_TRUE(read_on(got));
  for (int i = 0; i < 4; ++i) {
    const std::string choice = "/choices/" + std::to_string(i);
    EXPECT_EQ(at(got.response.body, choice + "/text"),
              json::value((i < 2 ? "0" : "1") + std::to_string(i % 2)));
    EXPECT_EQ(at(got.response.body, choice + "/index"), i);
  }
  EXPECT_EQ(at(got.response.body, "/object"), "text_completion");
  EXPECT_EQ(at(got.response.body, "/usage/prompt_tokens"), 3);
  EXPECT_EQ(at(got.response.body, "/usage/completion_tokens"), 8);
}

// Nobody wakes the reader for what came before its pop() in vain: it has to look again itself.
TEST_F(Completion, AnEndBetweenTwoLooksIsSeen) {
  for (const char* stream : {"false", "true"}) {
    registry.script = [](const Request&, const std::shared_ptr<FakeCall>& call) {
      call->at_empty_pop = [call = call.get()] {
        call->emit(0, "late");
        call->close(0);
        call->end(1, 1);
      };
    };
    const Got got = post(std::string(R"("prompt":"a","stream":)") + stream);
    EXPECT_EQ(got.reply, nullptr) << "stream " << stream;
    EXPECT_NE(got.response.body.find("late"), std::string::npos);
  }
}

TEST_F(Completion, TokenPromptsGoAsParameters) {
  post(R"("prompt":[1,2])");
  EXPECT_EQ(registry.requests.at(0).params_json, R"({"prompt_tokens":[1,2]})");
  EXPECT_TRUE(registry.requests[0].inputs.empty());
  post(R"("prompt":[[1],[2,3]])");
  EXPECT_EQ(registry.requests.at(2).params_json, R"({"prompt_tokens":[2,3]})");
}

TEST_F(Completion, OneFailureFailsAllAndCancelsTheRest) {
  Got got = post(R"("prompt":["a","b"])");
  registry.calls[0]->emit(0, "a");
  registry.calls[1]->fail(invalid("too long", "prompt"));
  ASSERT_TRUE(read_on(got));
  EXPECT_EQ(got.response.status, 400);
  EXPECT_EQ(registry.calls[0]->cancelled(), CancelReason::client);
}

TEST_F(Completion, ADeadlineCutsPromptsThatHaveBegunAndFailsOthers) {
  Got got = post(R"("prompt":["a","b"])");
  registry.calls.at(0)->fail(error(Code::deadline_exceeded, "too late"));
  EXPECT_FALSE(read_on(got));  // the other prompt decides
  registry.calls.at(1)->emit(0, "half");
  registry.calls.at(1)->fail(error(Code::deadline_exceeded, "too late"));
  ASSERT_TRUE(read_on(got));
  EXPECT_EQ(got.response.status, 200);
  EXPECT_EQ(at(got.response.body, "/choices/0/text"), "");
  EXPECT_EQ(at(got.response.body, "/choices/0/finish_reason"), "deadline");
  EXPECT_EQ(at(got.response.body, "/choices/1/text"), "half");
  EXPECT_EQ(at(got.response.body, "/choices/1/finish_reason"), "deadline");

  registry.calls.clear();
  got = post(R"("prompt":["a","b"])");
  for (const auto& call : registry.calls) call->fail(error(Code::deadline_exceeded, "too late"));
  ASSERT_TRUE(read_on(got));
  EXPECT_EQ(got.response.status, 504);
}

TEST_F(Completion, EchoWithLogprobsGivesThePromptsProbabilities) {
  Got got = post(R"("prompt":"\u00e4b","echo":true,"logprobs":2,"max_tokens":0)");
  EXPECT_EQ(registry.requests[0].params_json,
            R"({"max_tokens":0,"logprobs":true,"top_logprobs":2,"echo":true})");
  registry.calls[0]->emit(
      0,
      "\xc3\xa4"
      "b",
      R"({"prompt":true,"tokens":[{"id":1,"bytes":[195,164],"logprob":null},)"
      R"({"id":2,"bytes":[98],"logprob":-3.5,"top":[{"id":5,"bytes":[99],"logprob":-0.5}]}]})");
  registry.calls[0]->close(0, "length");
  registry.calls[0]->end(2, 0);
  ASSERT_TRUE(read_on(got));
  const std::string& body = got.response.body;
  EXPECT_EQ(at(body, "/choices/0/text"),
            "\xc3\xa4"
            "b");
  EXPECT_EQ(at(body, "/choices/0/logprobs/tokens"), (json::array{"\xc3\xa4", "b"}));
  EXPECT_EQ(at(body, "/choices/0/logprobs/token_logprobs"), (json::array{nullptr, -3.5}));
  EXPECT_EQ(at(body, "/choices/0/logprobs/text_offset"), (json::array{0, 1}));
  EXPECT_EQ(at(body, "/choices/0/logprobs/top_logprobs/0"), json::value());
  // The token itself is always among the most likely ones.
  EXPECT_EQ(at(body, "/choices/0/logprobs/top_logprobs/1"),
            (json::object{{"c", -0.5}, {"b", -3.5}}));
}

TEST_F(Completion, ZeroLogprobsMeansThoseOfTheTextOnly) {
  Got got = post(R"("prompt":"a","logprobs":0)");
  registry.calls[0]->emit(0, "b", R"({"tokens":[{"id":1,"bytes":[98],"logprob":-1.0}]})");
  registry.calls[0]->close(0);
  registry.calls[0]->end();
  ASSERT_TRUE(read_on(got));
  EXPECT_EQ(at(got.response.body, "/choices/0/logprobs/top_logprobs"), json::value());
  EXPECT_EQ(at(got.response.body, "/choices/0/logprobs/token_logprobs"), (json::array{-1.0}));
}

TEST_F(Completion, StreamCountsOffsetsOn) {
  Got got = post(R"("prompt":"a","logprobs":1,"stream":true)");
  const auto call = registry.calls[0];
  call->emit(0, "bc", R"({"tokens":[{"id":1,"bytes":[98,99],"logprob":-1.0}]})");
  call->emit(0, "d", R"({"tokens":[{"id":2,"bytes":[100],"logprob":-2.0}]})");
  call->close(0);
  call->end();
  ASSERT_TRUE(read_on(got));
  const std::vector<std::string> data = sse_data(got.response.body);
  ASSERT_EQ(data.size(), 4u);
  EXPECT_EQ(at(data[0], "/choices/0/text"), "bc");
  EXPECT_EQ(at(data[1], "/choices/0/logprobs/text_offset"), (json::array{2}));
  EXPECT_EQ(at(data[2], "/choices/0/finish_reason"), "stop");
  EXPECT_EQ(at(data[2], "/choices/0/logprobs"), json::value());
  EXPECT_EQ(data[3], "[DONE]");
}

}  // namespace
}  // namespace serval::host
