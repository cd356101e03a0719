// dtype = "auto": what is taken, and when a precision is not.
#include "plugins/bei/quality_check.h"

#include "tests/plugins/bei/test_model.h"

namespace serval::bei {
namespace {

ModelFacts facts_of(Task task, int labels) {
  ModelFacts facts;
  facts.task = task;
  facts.labels.resize(std::size_t(labels), "x");
  return facts;
}

TEST(BeiQualityCheck, OneFarVectorIsEnough) {
  const ModelFacts facts = facts_of(Task::embed, 0);
  const CheckResults exact{{1, 0}, {0, 1}, {1, 1}};
  EXPECT_TRUE(compare(exact, exact, facts, Precision::bf16).holds);
  const CheckResults near{{1, 0.01f}, {0, 1}, {1, 1.01f}};
  EXPECT_TRUE(compare(exact, near, facts, Precision::int8).holds);
  EXPECT_TRUE(compare(exact, near, facts, Precision::bf16).holds);
  const CheckResults far{{1, 0.3f}, {0, 1}, {1, 1}};
  EXPECT_FALSE(compare(exact, far, facts, Precision::int8).holds);
  const CheckResults broken{{std::nanf(""), 0}, {0, 1}, {1, 1}};
  EXPECT_FALSE(compare(exact, broken, facts, Precision::int8).holds);
}

TEST(BeiQualityCheck, ScoresAreComparedAsProbabilities) {
  const ModelFacts facts = facts_of(Task::sequence, 2);
  const CheckResults exact{{10, -10}, {0.5f, 0.4f}};
  // A large logit may be off by more than a small one.
  EXPECT_TRUE(compare(exact, {{9, -9}, {0.5f, 0.4f}}, facts, Precision::int8).holds);
  EXPECT_FALSE(compare(exact, {{10, -10}, {0.9f, 0.4f}}, facts, Precision::int8).holds);
}

TEST(BeiQualityCheck, AutoTakesTheFastestThatHolds) {
  const auto path = test_model_path("all-minilm-l6-v2");
  SERVAL_NEED_MODEL(path);
  const auto loaded = load(path);
  ASSERT_TRUE(loaded);
  const bool integers = (*best_ops())->fast_int8;
  EXPECT_EQ(loaded->facts().dtype, integers ? "int8" : "f32");
}

// In every golden model, whatever auto takes: it is as near as the limits want it.
TEST(BeiQualityCheck, AutoIsNear) {
  for (const char* name : {"bert", "mpnet", "modernbert", "nomic", "qwen3", "bert-classes",
                           "bert-tokens", "roberta-rerank", "qwen3-reward"}) {
    const auto exact = load(golden_path(name), with_precision(Precision::f32));
    const auto chosen = load(golden_path(name));
    ASSERT_TRUE(exact && chosen);
    const Precision precision = chosen->facts().dtype == "int8" ? Precision::int8 : Precision::bf16;
    const Nearness near = compare(run_check(exact->model(), exact->tokenizer(), exact->facts()),
                                  run_check(chosen->model(), chosen->tokenizer(), chosen->facts()),
                                  exact->facts(), precision);
    EXPECT_TRUE(near.holds) << name << " in " << chosen->facts().dtype << ": " << near.text();
  }
}

}  // namespace
}  // namespace serval::bei
