// Real weights against transformers (tools/golden/bei_real.py).
#include "plugins/bei/outputs.h"
#include "tests/plugins/bei/test_model.h"

namespace serval::bei {
namespace {

struct Precise {
  Precision precision;
  float least;  // cosine to the golden vectors
};

void expect_golden(const std::filesystem::path& folder, const std::string& name,
                   std::initializer_list<Precise> wanted) {
  const json::array cases = read_json_array(golden_path(name + ".json"));
  std::vector<std::string> texts;
  for (const json::value& value : cases) texts.emplace_back(value.at("text").get_string());
  for (const auto& [precision, least] : wanted) {
    const auto loaded = load(folder, with_precision(precision));
    ASSERT_TRUE(loaded);
    const Outcome out = ask(loaded->engine(), "embed", texts, R"({"truncate":true})");
    ASSERT_EQ(out.error.code, Code::ok) << out.error.message;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const std::vector<float> want = numbers(cases[i].at("vector"));
      const std::vector<float>& got = out.vectors.at(int(i));
      EXPECT_GE(cosine(got, want), least) << precision_name(precision) << ", text " << i;
      if (precision == Precision::f32) {
        EXPECT_LT(greatest_difference(got, want), 1e-5f) << "text " << i;
      }
      const std::string tokens = std::to_string(cases[i].at("tokens").to_number<int>());
      EXPECT_NE(out.meta.at(int(i)).find("\"tokens\":" + tokens + "}"), std::string::npos)
          << out.meta.at(int(i)) << ", want " << tokens;
    }
  }
}

TEST(RealModel, MiniLmEqualsTransformers) {
  const auto path = test_model_path("all-minilm-l6-v2");
  SERVAL_NEED_MODEL(path);
  expect_golden(path, "all-minilm-l6-v2",
                {{Precision::f32, 0.99999f}, {Precision::bf16, 0.9999f}, {Precision::int8, 0.98f}});
}

TEST(RealModel, MpnetEqualsTransformers) {
  const auto path = test_model_path("all-mpnet-base-v2");
  SERVAL_NEED_LONG_MODEL(path);
  expect_golden(path, "all-mpnet-base-v2",
                {{Precision::f32, 0.99999f}, {Precision::bf16, 0.9999f}});
}

}  // namespace
}  // namespace serval::bei
