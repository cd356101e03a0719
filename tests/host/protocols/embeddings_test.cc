// POST /v1/embeddings.
#include "host/protocols/openai/embeddings.h"

#include <gtest/gtest.h>

#include "host/protocols/json_text.h"
#include "tests/host/protocols/fake_embedder.h"
#include "tests/host/protocols/json_at.h"

namespace serval::host {
namespace {

struct Embeddings : testing::Test {
  FakeRegistry registry{"m", embedder_answers};
  Router router;
  Embeddings() { add_openai_routes(router, {&registry}); }

  Got post(const std::string& more, const std::string& path = "/v1/embeddings") {
    return post_json(router, path, R"({"model":"m",)" + more + "}");
  }
};

json::array vector_json(const std::string& text, std::size_t dimensions = 4) {
  json::array out;
  for (const float x : text_vector(text, dimensions)) out.emplace_back(x);
  return out;
}

// Numbers of JSON compare by value, whatever their type.
void expect_vector(const json::value& got, const json::array& want) {
  ASSERT_TRUE(got.is_array());
  ASSERT_EQ(got.get_array().size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i)
    EXPECT_EQ(got.get_array()[i].to_number<double>(), want[i].to_number<double>());
}

TEST_F(Embeddings, OneText) {
  const Got got = post(R"("input":"hello")");
  ASSERT_EQ(got.response.status, 200) << got.response.body;
  const std::string& body = got.response.body;
  EXPECT_EQ(json_at(body, "/object"), "list");
  EXPECT_EQ(json_at(body, "/model"), "m");
  EXPECT_EQ(json_at(body, "/data").as_array().size(), 1u);
  EXPECT_EQ(json_at(body, "/data/0/object"), "embedding");
  EXPECT_EQ(json_at(body, "/data/0/index"), 0);
  expect_vector(json_at(body, "/data/0/embedding"), vector_json("hello"));
  EXPECT_EQ(json_at(body, "/usage"), (json::object{{"prompt_tokens", 5}, {"total_tokens", 5}}));
  EXPECT_EQ(registry.requests.at(0).op, "embed");
  EXPECT_EQ(registry.requests[0].params_json, "{}");
  EXPECT_EQ(registry.requests[0].inputs, std::vector<std::string>{"hello"});
}

TEST_F(Embeddings, ManyTextsKeepTheirOrder) {
  std::string input;
  for (int i = 0; i < 2048; ++i) input += (i > 0 ? ",\"t" : "\"t") + std::to_string(i) + '"';
  const Got got = post("\"input\":[" + input + "]");
  ASSERT_EQ(got.response.status, 200);
  const Result<json::value> root = parse_json(got.response.body);
  ASSERT_TRUE(root);
  const json::array& data = root->at("data").as_array();
  ASSERT_EQ(data.size(), 2048u);
  for (int i = 0; i < 2048; ++i) {
    EXPECT_EQ(data[std::size_t(i)].at("index"), i);
    expect_vector(data[std::size_t(i)].at("embedding"), vector_json("t" + std::to_string(i)));
  }
}

TEST_F(Embeddings, Base64IsTheBytesThemselves) {
  const Got got = post(R"("input":["a","bc"],"encoding_format":"base64","dimensions":3)");
  std::string want;
  append_base64(want, bytes_of(text_vector("bc", 3)));
  EXPECT_EQ(json::serialize(json_at(got.response.body, "/data/1/embedding")), want);
}

TEST_F(Embeddings, TokenIdsGoAsParameters) {
  Got got = post(R"("input":[104,105])");
  expect_vector(json_at(got.response.body, "/data/0/embedding"), vector_json("hi"));
  EXPECT_EQ(registry.requests.at(0).params_json, R"({"token_ids":[[104,105]]})");
  EXPECT_TRUE(registry.requests[0].inputs.empty());
  got = post(R"("input":[[97],[98,99]])");
  EXPECT_EQ(registry.requests.at(1).params_json, R"({"token_ids":[[97],[98,99]]})");
  EXPECT_EQ(json_at(got.response.body, "/data").as_array().size(), 2u);
}

TEST_F(Embeddings, ParametersOfTheModelArePassedOn) {
  post(R"("input":"a","dimensions":2,"user":"u","prompt_name":"query","truncate":true,)"
       R"("truncation_side":"left","normalize":false)");
  const auto params = parse_json(registry.requests.at(0).params_json);
  EXPECT_EQ(*params, (json::object{{"dimensions", 2},
                                   {"prompt_name", "query"},
                                   {"truncation_side", "left"},
                                   {"normalize", false},
                                   {"truncate", true}}));
}

TEST_F(Embeddings, TheAliasIsTheSame) {
  EXPECT_EQ(post(R"("input":"a")", "/embeddings").response.body,
            post(R"("input":"a")").response.body);
}

TEST_F(Embeddings, ErrorsHaveOpenAisForm) {
  Got got = post_json(router, "/v1/embeddings", R"({"model":"other","input":"a"})");
  EXPECT_EQ(got.response.status, 404);
  EXPECT_EQ(json_at(got.response.body, "/error/code"), "model_not_found");
  got = post(R"("input":"refuse me")");
  EXPECT_EQ(got.response.status, 501);
  got = post(R"("input":["a","too long"])");
  EXPECT_EQ(got.response.status, 400);
  EXPECT_EQ(json_at(got.response.body, "/error/type"), "invalid_request_error");
  EXPECT_EQ(json_at(got.response.body, "/error/param"), "input");  // the model says "texts"
  got = post(R"("input":"busy")");
  EXPECT_EQ(got.response.status, 429);
  EXPECT_EQ(got.response.headers.get("retry-after"), "1");
  registry.refuse = Error{Code::resource_exhausted, "the queue is full", {}, 1500};
  got = post(R"("input":"a")");
  EXPECT_EQ(got.response.status, 429);
  EXPECT_EQ(got.response.headers.get("retry-after"), "2");
  EXPECT_EQ(json_at(got.response.body, "/error/type"), "rate_limit_error");
}

TEST_F(Embeddings, OtherContentTypesAreRefused) {
  HttpRequest http;
  http.method = "POST";
  http.path = "/v1/embeddings";
  http.headers.add("content-type", "text/plain");
  EXPECT_EQ(ask(router, http).response.status, 415);
}

struct Refused {
  const char* json;
  const char* param;
};
class EmbeddingsRefuse : public testing::TestWithParam<Refused> {};
TEST_P(EmbeddingsRefuse, NamingTheParameter) {
  const auto params = parse_embeddings(GetParam().json, 3);
  ASSERT_FALSE(params) << GetParam().json;
  EXPECT_EQ(params.error().code, Code::invalid_argument);
  EXPECT_EQ(params.error().param, GetParam().param) << params.error().message;
}
const Refused kRefused[] = {
    {"", ""},
    {"[]", ""},
    {"\xff", ""},
    {R"({"model":"m","model":"m","input":"a"})", ""},
    {R"({"input":"a"})", "model"},
    {R"({"model":1,"input":"a"})", "model"},
    {R"({"model":"m"})", "input"},
    {R"({"model":"m","input":null})", "input"},
    {R"({"model":"m","input":1})", "input"},
    {R"({"model":"m","input":{}})", "input"},
    {R"({"model":"m","input":""})", "input"},
    {R"({"model":"m","input":[]})", "input"},
    {R"({"model":"m","input":["a",""]})", "input"},
    {R"({"model":"m","input":[[]]})", "input"},
    {R"({"model":"m","input":[[1],[]]})", "input"},
    {R"({"model":"m","input":["a",1]})", "input"},
    {R"({"model":"m","input":[1,"a"]})", "input"},
    {R"({"model":"m","input":[1.5]})", "input"},
    {R"({"model":"m","input":[-1]})", "input"},
    {R"({"model":"m","input":[2147483648]})", "input"},
    {R"({"model":"m","input":[18446744073709551615]})", "input"},
    {R"({"model":"m","input":[[1],["a"]]})", "input"},
    {R"({"model":"m","input":[[[1]]]})", "input"},
    {R"({"model":"m","input":["a",[1]]})", "input"},
    {R"({"model":"m","input":["a","b","c","d"]})", "input"},
    {R"({"model":"m","input":"a","encoding_format":"int8"})", "encoding_format"},
    {R"({"model":"m","input":"a","encoding_format":1})", "encoding_format"},
    {R"({"model":"m","input":"a","dimensions":0})", "dimensions"},
    {R"({"model":"m","input":"a","dimensions":"x"})", "dimensions"},
    {R"({"model":"m","input":"a","user":1})", "user"},
    {R"({"model":"m","input":"a","truncate":1})", "truncate"},
    {R"({"model":"m","input":"a","truncation_side":1})", "truncation_side"},
    {R"({"model":"m","input":"a","normalize":"x"})", "normalize"},
    {R"({"model":"m","input":"a","prompt_name":1})", "prompt_name"},
    {R"({"model":"m","input":"a","inputs":"a"})", "inputs"},
    {R"({"model":"m","input":"a","stream":true})", "stream"},
};
INSTANTIATE_TEST_SUITE_P(Table, EmbeddingsRefuse, testing::ValuesIn(kRefused));

}  // namespace
}  // namespace serval::host
