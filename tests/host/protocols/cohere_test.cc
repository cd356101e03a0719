// POST /v1/rerank and /v2/rerank.
#include <gtest/gtest.h>

#include "host/protocols/cohere/params.h"
#include "host/protocols/cohere/routes.h"
#include "tests/host/protocols/fake_embedder.h"
#include "tests/host/protocols/json_at.h"

namespace serval::host {
namespace {

struct Cohere : testing::Test {
  FakeRegistry registry{"m", embedder_answers};
  Router router;
  Cohere() {
    registry.info.ops = embedder_ops();
    ItemRouteOptions options;
    options.registry = &registry;
    add_cohere_routes(router, options);
  }

  std::string post(const std::string& path, const std::string& body) {
    const Got got = post_json(router, path, body);
    EXPECT_EQ(got.response.status, 200) << got.response.body;
    return got.response.body;
  }
};

TEST_F(Cohere, ResultsAreSortedAndCut) {
  const std::string body =
      post("/v2/rerank", R"({"model":"m","query":"ab","documents":["abcd","xy","a"],"top_n":2})");
  EXPECT_EQ(
      json_at(body, "/results"),
      (*parse_json(R"([{"index":1,"relevance_score":1},{"index":2,"relevance_score":0.5}])")));
  EXPECT_EQ(json_at(body, "/meta/api_version/version"), "2");
  EXPECT_EQ(json_at(body, "/meta/billed_units/search_units"), 1);
  EXPECT_EQ(json_at(body, "/meta/tokens/input_tokens"), 9);
  EXPECT_EQ(registry.requests.at(0).params_json, R"({"truncate":true})");
  EXPECT_EQ(registry.requests[0].inputs, (std::vector<std::string>{"ab", "abcd", "xy", "a"}));
}

TEST_F(Cohere, DocumentsComeBackAsTheyWere) {
  const std::string body =
      post("/v1/rerank", R"({"query":"ab","return_documents":true,"rank_fields":["text"],)"
                         R"("documents":["abcd",{"text":"xy","title":"t"}],"top_n":99})");
  EXPECT_EQ(json_at(body, "/results/0/document"), (json::object{{"text", "xy"}, {"title", "t"}}));
  EXPECT_EQ(json_at(body, "/results/1/document"), (json::object{{"text", "abcd"}}));
  EXPECT_EQ(json_at(body, "/meta/api_version/version"), "1");
}

TEST_F(Cohere, ErrorsHaveAMessage) {
  const auto fails = [&](const std::string& body, int status) {
    const HttpResponse response = post_json(router, "/v2/rerank", body).response;
    EXPECT_EQ(response.status, status) << body;
    EXPECT_FALSE(json_at(response.body, "/message").as_string().empty());
    return response;
  };
  fails(R"({"query":"a"})", 400);
  fails(R"({"model":"other","query":"a","documents":["b"]})", 404);
  fails(R"({"query":"a","documents":["too long"]})", 400);
  fails(R"({"query":"a","documents":["refuse me"]})", 501);
  EXPECT_EQ(fails(R"({"query":"a","documents":["busy"]})", 429).headers.get("retry-after"), "1");
}

struct Refused {
  const char* json;
  const char* param;
};
class CohereRefuses : public testing::TestWithParam<Refused> {};
TEST_P(CohereRefuses, NamingTheParameter) {
  const auto params = parse_cohere_rerank(GetParam().json, 3);
  ASSERT_FALSE(params) << GetParam().json;
  EXPECT_EQ(params.error().param, GetParam().param) << params.error().message;
}
const Refused kRefused[] = {
    {"", ""},
    {"[]", ""},
    {R"({"documents":["a"]})", "query"},
    {R"({"query":"","documents":["a"]})", "query"},
    {R"({"query":1,"documents":["a"]})", "query"},
    {R"({"query":"a"})", "documents"},
    {R"({"query":"a","documents":[]})", "documents"},
    {R"({"query":"a","documents":"b"})", "documents"},
    {R"({"query":"a","documents":[1]})", "documents"},
    {R"({"query":"a","documents":[{"body":"b"}]})", "documents"},
    {R"({"query":"a","documents":[{"text":1}]})", "documents"},
    {R"({"query":"a","documents":["b","c","d","e"]})", "documents"},
    {R"({"query":"a","documents":["b"],"model":1})", "model"},
    {R"({"query":"a","documents":["b"],"top_n":0})", "top_n"},
    {R"({"query":"a","documents":["b"],"top_n":"x"})", "top_n"},
    {R"({"query":"a","documents":["b"],"return_documents":1})", "return_documents"},
    {R"({"query":"a","documents":["b"],"rank_fields":["title"]})", "rank_fields"},
    {R"({"query":"a","documents":["b"],"max_tokens_per_doc":100})", "max_tokens_per_doc"},
    {R"({"query":"a","documents":["b"],"max_chunks_per_doc":1})", "max_chunks_per_doc"},
    {R"({"query":"a","documents":["b"],"texts":["b"]})", "texts"},
};
INSTANTIATE_TEST_SUITE_P(Table, CohereRefuses, testing::ValuesIn(kRefused));

}  // namespace
}  // namespace serval::host
