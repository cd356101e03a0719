// POST /v1/chat/completions: what the client sees of a model's events.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/json.h"
#include "host/protocols/openai/routes.h"
#include "tests/host/protocols/fake_registry.h"

namespace serval::host {
namespace {

constexpr const char* kPath = "/v1/chat/completions";

struct Chat : testing::Test {
  FakeRegistry registry{"m"};
  Router router;
  Chat() { add_openai_routes(router, {&registry}); }

  Got post(const std::string& more) {
    return post_json(router, kPath,
                     R"({"model":"m","messages":[{"role":"user","content":"hi"}])" + more + "}");
  }
  FakeCall& call() { return *registry.calls.at(0); }
};

json::object parsed(const std::string& text) {
  Result<json::value> value = parse_json(text);
  EXPECT_TRUE(value) << text;
  return value ? value->as_object() : json::object{};
}

json::value at(const std::string& text, const std::string& pointer) {
  boost::system::error_code ec;
  const json::value root = parsed(text);
  const json::value* found = root.find_pointer(pointer, ec);
  EXPECT_NE(found, nullptr) << pointer << " in " << text;
  return found != nullptr ? *found : json::value();
}

TEST_F(Chat, OneReply) {
  Got got = post("");
  call().emit(0, "Hel");
  EXPECT_FALSE(read_on(got));
  call().emit(0, "lo \"you\"\n\x01");
  call().close(0, "length");
  call().end(7, 3, 2);
  ASSERT_TRUE(read_on(got));
  EXPECT_EQ(got.response.status, 200);
  EXPECT_NE(got.response.headers.find("openai-processing-ms"), nullptr);
  const std::string& body = got.response.body;
  EXPECT_EQ(at(body, "/object"), "chat.completion");
  EXPECT_EQ(at(body, "/model"), "m");
  EXPECT_EQ(at(body, "/id").as_string().subview(0, 9), "chatcmpl-");
  EXPECT_EQ(at(body, "/choices/0/message/role"), "assistant");
  EXPECT_EQ(at(body, "/choices/0/message/content"), "Hello \"you\"\n\x01");
  EXPECT_EQ(at(body, "/choices/0/finish_reason"), "length");
  EXPECT_EQ(at(body, "/choices/0/logprobs"), json::value());
  EXPECT_EQ(at(body, "/usage/prompt_tokens"), 7);
  EXPECT_EQ(at(body, "/usage/completion_tokens"), 3);
  EXPECT_EQ(at(body, "/usage/total_tokens"), 10);
  EXPECT_EQ(at(body, "/usage/prompt_tokens_details/cached_tokens"), 2);
  EXPECT_EQ(registry.requests[0].op, "chat");
  EXPECT_EQ(registry.requests[0].inputs.at(0), R"([{"role":"user","content":"hi"}])");
}

TEST_F(Chat, Stream) {
  Got got = post(R"(,"stream":true,"stream_options":{"include_usage":true})");
  EXPECT_EQ(got.response.status, 0);  // no head before the first event
  call().emit(0, "a");
  EXPECT_FALSE(read_on(got));
  EXPECT_EQ(got.response.headers.get("content-type"), "text/event-stream; charset=utf-8");
  call().emit(0, "b");
  call().close(0);
  call().end(1, 2);
  ASSERT_TRUE(read_on(got));
  EXPECT_EQ(got.state, Reply::State::done);
  const std::vector<std::string> data = sse_data(got.response.body);
  ASSERT_EQ(data.size(), 6u);
  EXPECT_EQ(at(data[0], "/choices/0/delta/role"), "assistant");
  EXPECT_EQ(at(data[1], "/choices/0/delta/content"), "a");
  EXPECT_EQ(at(data[1], "/usage"), json::value());
  EXPECT_EQ(at(data[2], "/choices/0/delta/content"), "b");
  EXPECT_EQ(at(data[2], "/choices/0/finish_reason"), json::value());
  EXPECT_EQ(at(data[3], "/choices/0/finish_reason"), "stop");
  EXPECT_EQ(at(data[4], "/choices"), json::array());
  EXPECT_EQ(at(data[4], "/usage/total_tokens"), 3);
  EXPECT_EQ(data[5], "[DONE]");
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(at(data[std::size_t(i)], "/object"), "chat.completion.chunk");
    EXPECT_EQ(at(data[std::size_t(i)], "/id"), at(data[0], "/id"));
  }
}

TEST_F(Chat, SeveralChoicesKeepTheirIndex) {
  Got got = post(R"(,"n":2)");
  EXPECT_EQ(registry.requests[0].params_json, R"({"n":2})");
  call().emit(1, "one");
  call().emit(0, "zero");
  call().close(1);
  call().close(0, "length");
  call().end();
  ASSERT_TRUE(read_on(got));
  EXPECT_EQ(at(got.response.body, "/choices/0/message/content"), "zero");
  EXPECT_EQ(at(got.response.body, "/choices/0/finish_reason"), "length");
  EXPECT_EQ(at(got.response.body, "/choices/1/message/content"), "one");
}

TEST_F(Chat, LogprobsInBothForms) {
  const std::string meta =
      R"({"tokens":[{"id":1,"bytes":[195],"logprob":-0.5,"top":[{"id":1,"bytes":[195],"logprob":-0.5},{"id":2,"bytes":[65],"logprob":-1.5}]},{"id":3,"bytes":[164],"logprob":-0.25}]})";
  for (const bool stream : {false, true}) {
    registry.calls.clear();
    Got got = post(std::string(R"(,"logprobs":true,"top_logprobs":2,"stream":)") +
                   (stream ? "true" : "false"));
    call().emit(0, "\xc3\xa4", meta);
    call().close(0);
    call().end();
    ASSERT_TRUE(read_on(got));
    const std::string body = stream ? sse_data(got.response.body).at(1) : got.response.body;
    EXPECT_EQ(at(body, "/choices/0/logprobs/content/0/token"), "\xef\xbf\xbd");
    EXPECT_EQ(at(body, "/choices/0/logprobs/content/0/bytes"), (json::array{195}));
    EXPECT_EQ(at(body, "/choices/0/logprobs/content/0/logprob"), -0.5);
    EXPECT_EQ(at(body, "/choices/0/logprobs/content/0/top_logprobs/1/token"), "A");
    EXPECT_EQ(at(body, "/choices/0/logprobs/content/1/logprob"), -0.25);
  }
}

TEST_F(Chat, ErrorsBeforeTheFirstEventAreStatuses) {
  const std::pair<Code, int> table[] = {
      {Code::invalid_argument, 400}, {Code::not_found, 404},        {Code::resource_exhausted, 429},
      {Code::cancelled, 499},        {Code::internal, 500},         {Code::unimplemented, 501},
      {Code::unavailable, 503},      {Code::deadline_exceeded, 504}};
  for (const bool stream : {false, true}) {
    for (const auto& [code, status] : table) {
      registry.calls.clear();
      Got got = post(stream ? R"(,"stream":true)" : "");
      Error why = error(code, "why", "max_tokens");
      why.retry_after_ms = 1500;
      call().fail(why);
      ASSERT_TRUE(read_on(got));
      EXPECT_EQ(got.response.status, status);
      EXPECT_FALSE(got.response.streamed);
      EXPECT_EQ(at(got.response.body, "/error/message"), "why");
      EXPECT_EQ(at(got.response.body, "/error/param"), "max_tokens");
      EXPECT_EQ(got.response.headers.get("retry-after"), "2");
      EXPECT_EQ(got.response.headers.get("retry-after-ms"), "1500");
      EXPECT_EQ(got.response.headers.get("x-should-retry"), "true");
    }
  }
}

TEST_F(Chat, ErrorsInAStreamNeverLookLikeSuccess) {
  Got got = post(R"(,"stream":true)");
  call().emit(0, "a");
  EXPECT_FALSE(read_on(got));
  call().fail(error(Code::unavailable, "the server stops"));
  ASSERT_TRUE(read_on(got));
  EXPECT_EQ(got.state, Reply::State::failed);
  const std::vector<std::string> data = sse_data(got.response.body);
  EXPECT_EQ(at(data.back(), "/error/message"), "the server stops");
  EXPECT_THAT(got.response.body, testing::Not(testing::HasSubstr("[DONE]")));
}

TEST_F(Chat, EventAndErrorAtOnce) {
  Got got = post(R"(,"stream":true)");
  call().emit(0, "a");
  call().fail(error(Code::internal, "x"));
  ASSERT_TRUE(read_on(got));
  EXPECT_EQ(got.response.status, 200);
  EXPECT_EQ(got.state, Reply::State::failed);
  EXPECT_EQ(sse_data(got.response.body).size(), 3u);
}

TEST_F(Chat, TheCacheSaltGoesToTheHostNotToTheModel) {
  post(R"(,"cache_salt":"one")");
  ASSERT_EQ(registry.requests.size(), 1u);
  EXPECT_EQ(registry.requests[0].cache_salt, "one");
  EXPECT_EQ(registry.requests[0].params_json, "{}");
}

TEST_F(Chat, ADeadlineCutsAnAnswerThatHasBegun) {
  for (const bool stream : {false, true}) {
    registry.calls.clear();
    Got got = post(std::string(R"(,"n":2,"stream":)") + (stream ? "true" : "false"));
    call().emit(0, "half");
    call().emit(1, "whole");
    call().close(1);
    EXPECT_FALSE(read_on(got));
    call().fail(error(Code::deadline_exceeded, "too late"), 7, 3);
    ASSERT_TRUE(read_on(got));
    EXPECT_EQ(got.response.status, 200);
    EXPECT_EQ(got.state, Reply::State::done);
    if (stream) {
      const std::vector<std::string> data = sse_data(got.response.body);
      EXPECT_EQ(data.back(), "[DONE]");
      const std::string& last = data.at(data.size() - 2);
      EXPECT_EQ(at(last, "/choices/0/index"), 0);
      EXPECT_EQ(at(last, "/choices/0/finish_reason"), "deadline");
    } else {
      const std::string& body = got.response.body;
      EXPECT_EQ(at(body, "/choices/0/message/content"), "half");
      EXPECT_EQ(at(body, "/choices/0/finish_reason"), "deadline");
      EXPECT_EQ(at(body, "/choices/1/message/content"), "whole");
      EXPECT_EQ(at(body, "/choices/1/finish_reason"), "stop");
      EXPECT_EQ(at(body, "/usage/completion_tokens"), 3);
    }
  }
}

// A plugin that breaks the rules of docs/requests.md gives an error, not half an answer.
TEST_F(Chat, BrokenPluginsAreInternalErrors) {
  const std::function<void(FakeCall&)> faults[] = {
      [](FakeCall& c) { c.emit(0, "no last event"); },
      [](FakeCall& c) { c.emit(0, "x", "", true); },
      [](FakeCall& c) { c.emit(5, "no such choice"); },
      [](FakeCall& c) { c.emit(0, "x", "not json"); },
      [](FakeCall& c) {
        c.close(0);
        c.emit(0, "behind the last");
      },
  };
  for (const auto& fault : faults) {
    registry.calls.clear();
    Got got = post("");
    fault(call());
    call().end();
    ASSERT_TRUE(read_on(got));
    EXPECT_EQ(got.response.status, 500);
    EXPECT_EQ(got.response.headers.get("x-should-retry"), "false");
  }
}

TEST_F(Chat, LeavingCancels) {
  Got got = post(R"(,"stream":true)");
  call().emit(0, "a");
  read_on(got);
  EXPECT_EQ(call().cancelled(), CancelReason::none);
  got.reply.reset();
  EXPECT_EQ(call().cancelled(), CancelReason::client);
}

TEST_F(Chat, RefusalsOfTheQueue) {
  registry.refuse = error(Code::resource_exhausted, "the queue is full");
  registry.refuse.retry_after_ms = 200;
  Got got = post("");
  EXPECT_EQ(got.response.status, 429);
  EXPECT_EQ(at(got.response.body, "/error/code"), "rate_limit_exceeded");
  EXPECT_EQ(got.response.headers.get("retry-after"), "1");
}

TEST_F(Chat, UnknownModel) {
  Got got =
      post_json(router, kPath, R"({"model":"x","messages":[{"role":"user","content":"hi"}]})");
  EXPECT_EQ(got.response.status, 404);
  EXPECT_EQ(at(got.response.body, "/error/code"), "model_not_found");
  EXPECT_EQ(at(got.response.body, "/error/param"), "model");
}

TEST_F(Chat, GatheredRepliesAreBounded) {
  Router small;
  OpenAiOptions options{&registry};
  options.response_bytes = 1000;
  add_openai_routes(small, options);
  Got got = post_json(small, kPath, R"({"model":"m","messages":[{"role":"user","content":""}]})");
  call().emit(0, std::string(2000, 'x'));
  ASSERT_TRUE(read_on(got));
  EXPECT_EQ(got.response.status, 400);
  EXPECT_EQ(call().cancelled(), CancelReason::client);
}

}  // namespace
}  // namespace serval::host
