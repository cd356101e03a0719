// Errors in OpenAI's form, and the models endpoints.
#include <gtest/gtest.h>

#include "host/protocols/json_text.h"
#include "host/protocols/openai/errors.h"
#include "host/protocols/openai/routes.h"
#include "tests/host/protocols/fake_registry.h"

namespace serval::host {
namespace {

TEST(OpenAiErrors, Form) {
  EXPECT_EQ(openai_error_json(400, invalid("bad \"x\"", "temperature")),
            R"({"error":{"message":"bad \"x\"","type":"invalid_request_error",)"
            R"("param":"temperature","code":null}})");
  EXPECT_EQ(openai_error_json(401, error(Code::unauthenticated, "no")),
            R"({"error":{"message":"no","type":"authentication_error","param":null,)"
            R"("code":"invalid_api_key"}})");
}

TEST(OpenAiErrors, RetriesAreAskedForOnlyWhereTheyHelp) {
  Error busy = error(Code::unavailable, "loading");
  EXPECT_EQ(openai_error(busy).headers.get("x-should-retry"), "false");
  busy.retry_after_ms = 1001;
  EXPECT_EQ(openai_error(busy).headers.get("x-should-retry"), "true");
  EXPECT_EQ(openai_error(busy).headers.get("retry-after"), "2");
  EXPECT_EQ(openai_error(invalid("x")).headers.find("x-should-retry"), nullptr);
}

TEST(OpenAiErrors, UnknownRoutesHaveTheForm) {
  FakeRegistry registry("m");
  Router router;
  add_openai_routes(router, {&registry});
  EXPECT_EQ(router.error("/v1/x", 404, error(Code::not_found, "x")).body.substr(0, 20),
            R"({"error":{"message":)");
}

TEST(Models, ListAndOne) {
  FakeRegistry registry("org/m");
  Router router;
  add_openai_routes(router, {&registry});
  HttpRequest request;
  request.method = "GET";
  request.path = "/v1/models";
  EXPECT_EQ(ask(router, request).response.body,
            R"({"object":"list","data":[{"id":"org/m","object":"model","created":1700000000,)"
            R"("owned_by":"serval"}]})");
  for (const char* path : {"/v1/models/org/m", "/v1/models/org%2Fm"}) {
    request.path = path;
    const Got got = ask(router, request);
    EXPECT_EQ(got.response.status, 200);
    EXPECT_EQ(got.response.body.substr(0, 13), R"({"id":"org/m")");
  }
  request.path = "/v1/models/x";
  EXPECT_EQ(ask(router, request).response.status, 404);
  registry.info.state = ModelState::loading;
  request.path = "/v1/models";
  EXPECT_EQ(ask(router, request).response.body, R"({"object":"list","data":[]})");
}

TEST(JsonText, EscapesWhatJsonForbids) {
  std::string out;
  append_json_string(out, std::string("a\"\\\n\r\t\x01\x1f\x7f\xc3\xa4", 11));
  EXPECT_EQ(out, "\"a\\\"\\\\\\n\\r\\t\\u0001\\u001f\\u007f\xc3\xa4\"");
  out.clear();
  append_number(out, -42);
  EXPECT_EQ(out, "-42");
}

}  // namespace
}  // namespace serval::host
