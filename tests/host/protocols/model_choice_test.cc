// Requests that name no model.
#include "host/protocols/model_choice.h"

#include <gtest/gtest.h>

#include "host/protocols/tei/routes.h"
#include "tests/host/protocols/fake_embedder.h"
#include "tests/host/protocols/json_at.h"

namespace serval::host {
namespace {

ModelInfo model(std::string name, std::vector<std::string> ops,
                ModelState state = ModelState::ready) {
  ModelInfo made;
  made.name = std::move(name);
  made.ops = std::move(ops);
  made.state = state;
  made.version = 1;
  return made;
}

struct Choice : testing::Test {
  FakeRegistry registry{"chat"};  // has no operation that is asked for here
  ModelChoice choice{registry, {"chat", "z", "b"}};

  std::vector<std::string> of(std::string_view name, std::string_view op = "embed") {
    const auto found = choice.candidates(name, op, op);
    EXPECT_TRUE(found) << found.error().message;
    return found ? *found : std::vector<std::string>();
  }
};

TEST_F(Choice, TheOrderOfTheConfigurationCounts) {
  registry.others = {model("a", {"embed"}), model("b", {"embed"}), model("z", {"embed", "rerank"}),
                     model("y", {"embed"}, ModelState::loading)};
  EXPECT_EQ(of(""), (std::vector<std::string>{"z", "b", "a"}));
  EXPECT_EQ(of("", "rerank"), std::vector<std::string>{"z"});
  EXPECT_EQ(of("a"), std::vector<std::string>{"a"});
  EXPECT_EQ(of("y"), std::vector<std::string>{"y"});  // submit() says that it loads
}

TEST_F(Choice, WhoRefusedComesLastUntilItIsLoadedAgain) {
  registry.others = {model("b", {"embed"}), model("z", {"embed"})};
  choice.refused("z", "embed");
  EXPECT_EQ(of(""), (std::vector<std::string>{"b", "z"}));
  EXPECT_EQ(*choice.candidates("", "embed", "embed, sparse"), (std::vector<std::string>{"z", "b"}));
  registry.others[1].version = 2;
  EXPECT_EQ(of(""), (std::vector<std::string>{"z", "b"}));
}

TEST_F(Choice, NoneIsAnError) {
  EXPECT_EQ(choice.candidates("", "embed", "embed").error().code, Code::not_found);
  registry.others = {model("b", {}, ModelState::loading)};
  const auto later = choice.candidates("", "embed", "embed");
  EXPECT_EQ(later.error().code, Code::unavailable);
  EXPECT_GT(later.error().retry_after_ms, 0u);
  EXPECT_EQ(choice.candidates("no", "embed", "embed").error().param, "model");
}

TEST(ModelNamed, ByBodyOrQuery) {
  EXPECT_EQ(*model_named("", ""), "");
  EXPECT_EQ(*model_named("a", "x=1"), "a");
  EXPECT_EQ(*model_named("", "x=1&model=a%2Fb&y"), "a/b");
  EXPECT_EQ(*model_named("a", "model=a"), "a");
  EXPECT_EQ(model_named("a", "model=b").error().param, "model");
  EXPECT_EQ(model_named("", "model=%zz").error().param, "model");
}

// A server with an embedding model and a classifier, both of a plugin that has all operations.
struct TwoModels : testing::Test {
  FakeRegistry registry{"embedder",
                        [](const Request& request, const std::shared_ptr<FakeCall>& call) {
                          const bool embedder = request.model == "embedder";
                          if (embedder != (request.op == "embed"))
                            return call->fail(error(Code::unimplemented, "no head for it"));
                          embedder_answers(request, call);
                        }};
  Router router;
  TwoModels() {
    registry.info.ops = embedder_ops();
    registry.others = {model("classifier", embedder_ops())};
    ItemRouteOptions options;
    options.registry = &registry;
    options.order = {"embedder", "classifier"};
    add_tei_routes(router, options, {});
  }
  std::vector<std::string> asked() {
    std::vector<std::string> names;
    for (const Request& request : registry.requests) names.push_back(request.model);
    registry.requests.clear();
    return names;
  }
};

TEST_F(TwoModels, TheNextIsAskedWhenOneCannot) {
  const char* body = R"({"inputs":[["a"],["b","c"]]})";
  const Got first = post_json(router, "/predict", body);
  EXPECT_EQ(first.response.status, 200) << first.response.body;
  EXPECT_EQ(asked(),
            (std::vector<std::string>{"embedder", "embedder", "classifier", "classifier"}));
  EXPECT_EQ(post_json(router, "/predict", body).response.body, first.response.body);
  EXPECT_EQ(asked(), (std::vector<std::string>{"classifier", "classifier"}));
  EXPECT_EQ(post_json(router, "/embed", R"({"inputs":"a"})").response.status, 200);
  EXPECT_EQ(asked(), std::vector<std::string>{"embedder"});
}

TEST_F(TwoModels, ANamedModelAnswersForItself) {
  const Got got = post_json(router, "/predict", R"({"inputs":"a","model":"embedder"})");
  EXPECT_EQ(got.response.status, 424);
  EXPECT_EQ(json_at(got.response.body, "/error"), "no head for it");
  EXPECT_EQ(asked(), std::vector<std::string>{"embedder"});
}

TEST_F(TwoModels, WhenNoneCanTheLastRefusalIsTheAnswer) {
  EXPECT_EQ(post_json(router, "/embed", R"({"inputs":"refuse me"})").response.status, 424);
  EXPECT_EQ(asked(), (std::vector<std::string>{"embedder", "classifier"}));
}

}  // namespace
}  // namespace serval::host
