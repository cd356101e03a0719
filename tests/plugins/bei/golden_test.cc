// Every family and head gives what transformers gives (tools/golden/bei.py).
#include <algorithm>

#include "plugins/bei/outputs.h"
#include "tests/plugins/bei/test_model.h"

namespace serval::bei {
namespace {

class BeiGolden : public testing::TestWithParam<const char*> {};

struct Case {
  std::vector<int32_t> tokens;
  std::vector<uint8_t> types;
  json::object want;
};

std::vector<Case> read_cases(const std::string& name) {
  std::vector<Case> cases;
  for (const json::value& value : read_json_array(golden_path(name) / "golden.json")) {
    Case made{{}, {}, value.get_object()};
    for (const float token : numbers(made.want.at("tokens"))) made.tokens.push_back(int32_t(token));
    for (const float type : numbers(made.want.at("types"))) made.types.push_back(uint8_t(type));
    cases.push_back(std::move(made));
  }
  return cases;
}

// Runs all cases that have the key as one batch; gives the results in their order.
std::vector<std::vector<float>> run(Model& model, const std::vector<Case>& cases,
                                    std::string_view key, Want want) {
  std::vector<std::vector<float>> results(cases.size());
  std::vector<BatchItem> batch;
  for (std::size_t i = 0; i < cases.size(); ++i)
    if (cases[i].want.contains(key))
      batch.push_back({cases[i].tokens, cases[i].types, want, &results[i]});
  if (!batch.empty()) model.run(batch);
  return results;
}

TEST_P(BeiGolden, EqualsTransformers) {
  const auto loaded = load(golden_path(GetParam()), with_precision(Precision::f32));
  ASSERT_TRUE(loaded);
  const ModelFacts& facts = loaded->facts();
  const std::vector<Case> cases = read_cases(GetParam());
  const Want classes = facts.task == Task::token ? Want::token_classes : Want::classes;
  const std::pair<const char*, Want> kinds[] = {{"states", Want::states},
                                                {"pooled", Want::pooled},
                                                {"logits", classes},
                                                {"sparse", Want::sparse}};
  int compared = 0;
  for (const auto& [key, want] : kinds) {
    const auto results = run(loaded->model(), cases, key, want);
    for (std::size_t i = 0; i < cases.size(); ++i) {
      if (!cases[i].want.contains(key)) continue;
      std::vector<float> got = results[i];
      if (want == Want::sparse) {
        got.assign(std::size_t(facts.vocab), 0);
        for (std::size_t at = 0; at < results[i].size(); at += 2)
          got[std::size_t(results[i][at])] = results[i][at + 1];
      }
      EXPECT_LT(greatest_difference(got, numbers(cases[i].want.at(key))), 1e-4f)
          << key << " of case " << i;
      ++compared;
    }
  }
  EXPECT_GE(compared, 5);
}

// The rounded precisions stay near: a mistake in one would not.
TEST_P(BeiGolden, LowerPrecisionsAreNear) {
  const std::vector<Case> cases = read_cases(GetParam());
  for (const auto& [precision, least] :
       {std::pair(Precision::bf16, 0.999f), std::pair(Precision::int8, 0.97f)}) {
    const auto loaded = load(golden_path(GetParam()), with_precision(precision));
    ASSERT_TRUE(loaded);
    const auto results = run(loaded->model(), cases, "pooled", Want::pooled);
    for (std::size_t i = 0; i < cases.size(); ++i)
      if (cases[i].want.contains("pooled")) {
        EXPECT_GT(cosine(results[i], numbers(cases[i].want.at("pooled"))), least)
            << precision_name(precision) << ", case " << i;
      }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, BeiGolden,
                         testing::Values("bert", "bert-classes", "bert-tokens", "bert-words",
                                         "roberta-rerank", "roberta-words", "xlm-roberta", "mpnet",
                                         "mpnet-classes", "distilbert-multi", "distilbert-words",
                                         "modernbert", "modernbert-classes", "modernbert-words",
                                         "nomic", "qwen2", "qwen3", "qwen3-reward"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace serval::bei
