// The routes of text-embeddings-inference.
#include <cmath>
#include <gtest/gtest.h>

#include "host/protocols/tei/routes.h"
#include "tests/host/protocols/fake_embedder.h"
#include "tests/host/protocols/json_at.h"

namespace serval::host {
namespace {

struct Tei : testing::Test {
  FakeRegistry registry{"m", embedder_answers};
  Router router;
  Tei() {
    registry.info.ops = embedder_ops();
    registry.info.path = "models/m";
    ItemRouteOptions options;
    options.registry = &registry;
    options.items = 4;
    add_tei_routes(router, options, {"1.2.3", 77});
  }

  std::string post(const std::string& path, const std::string& body) {
    const Got got = post_json(router, path, body);
    EXPECT_EQ(got.response.status, 200) << path << ' ' << body << ' ' << got.response.body;
    EXPECT_EQ(got.response.headers.get("content-type"), "application/json");
    return got.response.body;
  }
  json::value params() { return *parse_json(registry.requests.back().params_json); }
};

TEST_F(Tei, Embed) {
  EXPECT_EQ(post("/embed", R"({"inputs":"a","normalize":false})"), "[[0.125,-0.5625,1,-0.4375]]");
  EXPECT_EQ(params(), (json::object{{"normalize", false}}));
  const std::string two = post("/embed", R"({"inputs":["a","b"],"truncate":true,"dimensions":2,)"
                                         R"("prompt_name":"query","truncation_direction":"Left"})");
  EXPECT_EQ(params(), (json::object{{"truncate", true},
                                    {"truncation_side", "left"},
                                    {"prompt_name", "query"},
                                    {"normalize", true},
                                    {"dimensions", 2}}));
  const double x = json_at(two, "/1/0").to_number<double>(),
               y = json_at(two, "/1/1").to_number<double>();
  EXPECT_NEAR(std::hypot(x, y), 1, 1e-6);
}

TEST_F(Tei, EmbedTakesTokenIdsAndMixedBatches) {
  const std::string plain = post("/embed", R"({"inputs":["a","bc","d"]})");
  EXPECT_EQ(post("/embed", R"({"inputs":["a",[98,99],"d"]})"), plain);
  ASSERT_EQ(registry.requests.size(), 3u);  // the last call made one for texts and one for ids
  EXPECT_EQ(post("/embed", R"({"inputs":[[97],[98,99],[100]]})"), plain);
  EXPECT_EQ(post("/embed", R"({"inputs":[97]})"), post("/embed", R"({"inputs":"a"})"));
}

TEST_F(Tei, EmbedAllAndSparse) {
  EXPECT_EQ(post("/embed_all", R"({"inputs":["ab","c"]})"),
            "[[[0.125,-0.5625],[0.1875,-0.625]],[[0.25,-0.6875]]]");
  EXPECT_EQ(params(), (json::object{{"pooling", "none"}, {"normalize", false}}));
  EXPECT_EQ(post("/embed_sparse", R"({"inputs":["ab","c"]})"),
            R"([[{"index":2,"value":1.5E0}],[{"index":1,"value":1.5E0}]])");
  EXPECT_EQ(params(), (json::object{{"pooling", "sparse"}}));
}

TEST_F(Tei, Similarity) {
  const std::string body = post("/similarity", R"({"inputs":{"source_sentence":"a","sentences":)"
                                               R"(["a","b"]},"parameters":{"truncate":true}})");
  EXPECT_NEAR(json_at(body, "/0").to_number<double>(), 1, 1e-6);
  const std::vector<float> a = text_vector("a"), b = text_vector("b");
  double dot = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    dot += double(a[i]) * b[i];
    aa += double(a[i]) * a[i];
    bb += double(b[i]) * b[i];
  }
  EXPECT_NEAR(json_at(body, "/1").to_number<double>(), dot / std::sqrt(aa * bb), 1e-6);
  EXPECT_EQ(params(), (json::object{{"normalize", false}, {"truncate", true}}));
}

TEST_F(Tei, TokenizeAndDecode) {
  EXPECT_EQ(post("/tokenize", R"({"inputs":["ab","c"],"add_special_tokens":false})"),
            R"([[{"id":97,"text":"a","special":false,"start":0,"stop":1},)"
            R"({"id":98,"text":"b","special":false,"start":1,"stop":2}],)"
            R"([{"id":99,"text":"c","special":false,"start":0,"stop":1}]])");
  EXPECT_EQ(params(), (json::object{{"add_special_tokens", false}}));
  EXPECT_EQ(json_at(post("/tokenize", R"({"inputs":"abc"})"), "/0").as_array().size(), 3u);
  EXPECT_EQ(post("/decode", R"({"ids":[[97,34],[98]],"skip_special_tokens":false})"),
            R"(["a\"","b"])");
  EXPECT_EQ(post("/decode", R"({"ids":[97,98]})"), R"(["ab"])");
  EXPECT_EQ(params(), (json::object{{"token_ids", json::array{json::array{97, 98}}}}));
}

TEST_F(Tei, RerankIsSortedBestFirst) {
  const std::string texts = R"("query":"ab","texts":["abcd","xy","a"])";
  EXPECT_EQ(post("/rerank", "{" + texts + "}"),
            R"([{"index":1,"score":1},{"index":2,"score":0.5},{"index":0,"score":0.33333334}])");
  EXPECT_EQ(params(), json::object{});
  EXPECT_EQ(registry.requests.back().inputs, (std::vector<std::string>{"ab", "abcd", "xy", "a"}));
  EXPECT_EQ(post("/rerank", "{" + texts +
                                R"(,"return_text":true,"raw_scores":true,)"
                                R"("truncate":true,"truncation_direction":"left"})"),
            R"([{"index":1,"text":"xy","score":1},{"index":2,"text":"a","score":0.5},)"
            R"({"index":0,"text":"abcd","score":0.33333334}])");
  EXPECT_EQ(params(),
            (json::object{{"raw_scores", true}, {"truncate", true}, {"truncation_side", "left"}}));
}

TEST_F(Tei, RerankKeepsTheOrderOfEqualTexts) {
  const std::string body = post("/rerank", R"({"query":"ab","texts":["x","cd","y","ef"]})");
  const int want[] = {1, 3, 0, 2};
  for (int i = 0; i < 4; ++i) EXPECT_EQ(json_at(body, '/' + std::to_string(i) + "/index"), want[i]);
}

TEST_F(Tei, PredictTakesAllItsForms) {
  const std::string one = R"([{"label":"SHORT","score":7.5E-1},{"label":"LONG","score":2.5E-1}])";
  EXPECT_EQ(post("/predict", R"({"inputs":"a"})"), one);
  EXPECT_EQ(post("/predict", R"({"inputs":["a"]})"), one);
  EXPECT_EQ(params(), json::object{});
  EXPECT_EQ(post("/predict", R"({"inputs":["a","bc"]})"), R"([{"label":"PAIR","score":3}])");
  EXPECT_EQ(params(), (json::object{{"pairs", true}}));
  EXPECT_EQ(post("/predict", R"({"inputs":[["a"]]})"), "[" + one + "]");
  registry.requests.clear();
  EXPECT_EQ(
      post("/predict", R"({"inputs":[["a","b"],["a"],["ab","cd"],["b"]],"raw_scores":true})"),
      R"([[{"label":"PAIR","score":2}],)" + one + R"(,[{"label":"PAIR","score":4}],)" + one + "]");
  ASSERT_EQ(registry.requests.size(), 2u);
  EXPECT_EQ(registry.requests[0].inputs, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(registry.requests[1].inputs, (std::vector<std::string>{"a", "b", "ab", "cd"}));
}

TEST_F(Tei, Info) {
  HttpRequest http;
  http.method = "GET";
  http.path = "/info";
  const std::string body = ask(router, http).response.body;
  EXPECT_EQ(json_at(body, "/model_id"), "models/m");
  EXPECT_EQ(json_at(body, "/served_model_name"), "m");
  EXPECT_EQ(json_at(body, "/model_type"), (json::object{{"embedding", {{"pooling", "mean"}}}}));
  EXPECT_EQ(json_at(body, "/max_input_length"), 128);
  EXPECT_EQ(json_at(body, "/max_client_batch_size"), 2048);
  EXPECT_EQ(json_at(body, "/version"), "1.2.3");
  http.query = "model=x";
  EXPECT_EQ(ask(router, http).response.status, 404);
}

TEST(TeiInfo, LabelsOfClassifiers) {
  const auto info = tei_info(R"({"kind":"classify","labels":["NO","YES"]})", "m", "p", {"1", 1});
  ASSERT_TRUE(info);
  EXPECT_EQ(json_at(*info, "/model_type/classifier/id2label"),
            (json::object{{"0", "NO"}, {"1", "YES"}}));
  EXPECT_EQ(json_at(*info, "/model_type/classifier/label2id"),
            (json::object{{"NO", 0}, {"YES", 1}}));
  EXPECT_TRUE(json_at(*tei_info(R"({"kind":"rerank"})", "m", "p", {}), "/model_type")
                  .as_object()
                  .contains("reranker"));
  EXPECT_FALSE(tei_info("[]", "m", "p", {}));
}

TEST_F(Tei, Health) {
  HttpRequest http;
  http.method = "GET";
  http.path = "/health";
  EXPECT_EQ(ask(router, http).response.status, 200);
  registry.info.state = ModelState::loading;
  const Got got = ask(router, http);
  EXPECT_EQ(got.response.status, 503);
  EXPECT_EQ(json_at(got.response.body, "/error_type"), "Unhealthy");
}

TEST_F(Tei, TellsOfTheWork) {
  const Got got = post_json(router, "/embed", R"({"inputs":["abc","d"]})");
  EXPECT_EQ(got.response.headers.get("x-compute-tokens"), "4");
  EXPECT_FALSE(got.response.headers.get("x-inference-time").empty());
}

struct Failure {
  const char* path;
  const char* body;
  int status;
  const char* type;
};
class TeiFails : public Tei, public testing::WithParamInterface<Failure> {};
TEST_P(TeiFails, WithItsForm) {
  const Got got = post_json(router, GetParam().path, GetParam().body);
  EXPECT_EQ(got.response.status, GetParam().status) << GetParam().body << got.response.body;
  const json::value error = json_at(got.response.body, "");
  EXPECT_EQ(error.as_object().size(), 2u);
  EXPECT_EQ(error.at("error_type"), GetParam().type) << GetParam().body << got.response.body;
  EXPECT_FALSE(error.at("error").as_string().empty());
}
const Failure kFailures[] = {
    {"/embed", "", 422, "Validation"},
    {"/embed", "[]", 422, "Validation"},
    {"/embed", "{}", 422, "Validation"},
    {"/embed", R"({"inputs":1})", 422, "Validation"},
    {"/embed", R"({"inputs":["a",1]})", 422, "Validation"},
    {"/embed", R"({"inputs":[-1]})", 422, "Validation"},
    {"/embed", R"({"inputs":[["a"]]})", 422, "Validation"},
    {"/embed", R"({"inputs":"a","input":"a"})", 422, "Validation"},
    {"/embed", R"({"inputs":"a","truncate":"x"})", 422, "Validation"},
    {"/embed", R"({"inputs":"a","truncation_direction":"up"})", 422, "Validation"},
    {"/embed", R"({"inputs":"a","normalize":1})", 422, "Validation"},
    {"/embed", R"({"inputs":"a","dimensions":0})", 422, "Validation"},
    {"/embed", R"({"inputs":"a","prompt_name":1})", 422, "Validation"},
    {"/embed", R"({"inputs":""})", 400, "Empty"},
    {"/embed", R"({"inputs":[]})", 400, "Empty"},
    {"/embed", R"({"inputs":["a",""]})", 400, "Empty"},
    {"/embed", R"({"inputs":["a",[]]})", 400, "Empty"},
    {"/embed", R"({"inputs":["a","b","c","d","e"]})", 413, "Validation"},
    {"/embed", R"({"inputs":"too long"})", 413, "Validation"},
    {"/embed", R"({"inputs":"refuse me"})", 424, "Backend"},
    {"/embed", R"({"inputs":"crash"})", 424, "Backend"},
    {"/embed", R"({"inputs":"busy"})", 429, "Overloaded"},
    {"/embed", R"({"inputs":"a","model":"other"})", 404, "Validation"},
    {"/embed", R"({"inputs":"a","model":1})", 422, "Validation"},
    {"/embed_all", R"({"inputs":"a","normalize":true})", 422, "Validation"},
    {"/embed_sparse", R"({"inputs":"a","dimensions":1})", 422, "Validation"},
    {"/similarity", R"({"inputs":"a"})", 422, "Validation"},
    {"/similarity", R"({"inputs":{"source_sentence":"a"}})", 422, "Validation"},
    {"/similarity", R"({"inputs":{"sentences":["a"]}})", 422, "Validation"},
    {"/similarity", R"({"inputs":{"source_sentence":1,"sentences":["a"]}})", 422, "Validation"},
    {"/similarity", R"({"inputs":{"source_sentence":"a","sentences":"a"}})", 422, "Validation"},
    {"/similarity", R"({"inputs":{"source_sentence":"a","sentences":[1]}})", 422, "Validation"},
    {"/similarity", R"({"inputs":{"source_sentence":"a","sentences":["b"],"x":1}})", 422,
     "Validation"},
    {"/similarity", R"({"inputs":{"source_sentence":"a","sentences":["b"]},"parameters":1})", 422,
     "Validation"},
    {"/similarity", R"({"inputs":{"source_sentence":"a","sentences":["b"]},"parameters":{"x":1}})",
     422, "Validation"},
    {"/similarity", R"({"inputs":{"source_sentence":"a","sentences":[]}})", 400, "Empty"},
    {"/similarity", R"({"inputs":{"source_sentence":"","sentences":["a"]}})", 400, "Empty"},
    {"/similarity", R"({"inputs":{"source_sentence":"a","sentences":["b","c","d","e"]}})", 413,
     "Validation"},
    {"/tokenize", R"({"inputs":[97]})", 422, "Validation"},
    {"/tokenize", R"({"inputs":"a","add_special_tokens":1})", 422, "Validation"},
    {"/tokenize", R"({"inputs":[]})", 400, "Empty"},
    {"/decode", R"({"ids":"a"})", 422, "Validation"},
    {"/decode", R"({"ids":[[1],"a"]})", 422, "Validation"},
    {"/decode", R"({"ids":[1.5]})", 422, "Validation"},
    {"/decode", R"({"ids":[]})", 400, "Empty"},
    {"/decode", R"({"ids":[[1],[]]})", 400, "Empty"},
    {"/decode", R"({"inputs":[1]})", 422, "Validation"},
    {"/rerank", R"({"texts":["a"]})", 422, "Validation"},
    {"/rerank", R"({"query":"a"})", 422, "Validation"},
    {"/rerank", R"({"query":"a","texts":"a"})", 422, "Validation"},
    {"/rerank", R"({"query":"a","texts":[1]})", 422, "Validation"},
    {"/rerank", R"({"query":["a"],"texts":["a"]})", 422, "Validation"},
    {"/rerank", R"({"query":"a","texts":["a"],"documents":["a"]})", 422, "Validation"},
    {"/rerank", R"({"query":"a","texts":["a"],"return_text":1})", 422, "Validation"},
    {"/rerank", R"({"query":"a","texts":["a"],"raw_scores":1})", 422, "Validation"},
    {"/rerank", R"({"query":"a","texts":[]})", 400, "Empty"},
    {"/rerank", R"({"query":"","texts":["a"]})", 400, "Empty"},
    {"/rerank", R"({"query":"a","texts":["b","c","d","e","f"]})", 413, "Validation"},
    {"/predict", "{}", 422, "Validation"},
    {"/predict", R"({"inputs":1})", 422, "Validation"},
    {"/predict", R"({"inputs":["a","b","c"]})", 422, "Validation"},
    {"/predict", R"({"inputs":["a",["b"]]})", 422, "Validation"},
    {"/predict", R"({"inputs":[["a"],"b"]})", 422, "Validation"},
    {"/predict", R"({"inputs":[[]]})", 422, "Validation"},
    {"/predict", R"({"inputs":[["a","b","c"]]})", 422, "Validation"},
    {"/predict", R"({"inputs":[["a",1]]})", 422, "Validation"},
    {"/predict", R"({"inputs":"a","truncation_direction":1})", 422, "Validation"},
    {"/predict", R"({"inputs":""})", 400, "Empty"},
    {"/predict", R"({"inputs":[]})", 400, "Empty"},
    {"/predict", R"({"inputs":[["a"],["b"],["c"],["d"],["e"]]})", 413, "Validation"},
};
INSTANTIATE_TEST_SUITE_P(Table, TeiFails, testing::ValuesIn(kFailures));

TEST_F(Tei, OverloadSaysWhenToComeAgain) {
  registry.refuse = Error{Code::resource_exhausted, "the queue is full", {}, 1500};
  const Got got = post_json(router, "/embed", R"({"inputs":"a"})");
  EXPECT_EQ(got.response.status, 429);
  EXPECT_EQ(got.response.headers.get("retry-after"), "2");
  EXPECT_EQ(json_at(got.response.body, "/error_type"), "Overloaded");
}

TEST_F(Tei, WhatTheServerRefusesLooksTheSame) {
  const Error huge = error(Code::invalid_argument, "the body is too large");
  for (const char* path : {"/embed", "/embed_all", "/rerank", "/predict", "/info", "/health"}) {
    const HttpResponse response = router.error(path, 413, huge);
    EXPECT_EQ(json_at(response.body, "/error_type"), "Validation") << path;
  }
}

}  // namespace
}  // namespace serval::host
