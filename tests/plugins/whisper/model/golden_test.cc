// Small random-weight models give what transformers gives (tools/golden/whisper.py).
#include <numeric>

#include "tests/plugins/whisper/model/test_speech.h"

namespace serval::whisper {
namespace {

struct Case {
  int frames;
  bool graft;
  std::vector<int32_t> tokens;
  std::vector<float> states, logits, alignment;
};

std::vector<Case> read_cases(const std::string& name) {
  std::vector<Case> out;
  const json::value golden = read_json(golden_path(name) / "golden.json");
  for (const json::value& c : golden.get_array())
    out.push_back({int(c.at("frames").get_int64()), c.at("graft").get_bool(),
                   tokens_of(c.at("tokens")), numbers(c.at("states")), numbers(c.at("logits")),
                   numbers(c.at("alignment"))});
  return out;
}

// Every ninth state, as the golden file has them.
std::vector<float> thinned(const std::vector<float>& states, int hidden) {
  std::vector<float> out;
  for (std::size_t row = 0; row * std::size_t(hidden) < states.size(); row += 9)
    out.insert(out.end(), states.begin() + std::ptrdiff_t(row) * hidden,
               states.begin() + std::ptrdiff_t(row + 1) * hidden);
  return out;
}

class WhisperGolden : public testing::TestWithParam<const char*> {
 protected:
  // All cases as one batch; what each gives.
  std::vector<Case> run(SpeechModel& model, const std::vector<Case>& cases) {
    const SpeechShape& shape = model.shape();
    std::vector<std::vector<float>> mels, states(cases.size()), last(cases.size());
    std::vector<SpeechModel::Cross> cross(cases.size());
    std::vector<SpeechModel::Self> self(cases.size());
    std::vector<Case> got = cases;
    std::vector<SpeechModel::EncodeItem> encode;
    std::vector<DecodeItem> decode;
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const Case& c = cases[i];
      mels.push_back(mel_of(c.frames, shape.mels));
      states[i].resize(std::size_t(c.frames / 2 * shape.hidden));
      last[i].resize(std::size_t(shape.vocab));
      encode.push_back({mels[i].data(), c.frames, c.graft, &cross[i], states[i].data()});
      std::fill(got[i].logits.begin(), got[i].logits.end(), NAN);
      std::fill(got[i].alignment.begin(), got[i].alignment.end(), NAN);
      decode.push_back({c.tokens, &self[i], &cross[i], last[i].data(), got[i].alignment.data(),
                        got[i].logits.data()});
    }
    EXPECT_TRUE(model.encode(encode).ok());
    EXPECT_TRUE(model.decode(decode).ok());
    for (std::size_t i = 0; i < cases.size(); ++i) {
      got[i].states = thinned(states[i], shape.hidden);
      EXPECT_EQ(self[i].length(), int(cases[i].tokens.size()));
      EXPECT_EQ(cross[i].states(), cases[i].graft ? shape.audio_states : cases[i].frames / 2);
      EXPECT_TRUE(std::equal(last[i].begin(), last[i].end(), got[i].logits.end() - shape.vocab));
    }
    return got;
  }

  ThreadPool pool_{2};
};

TEST_P(WhisperGolden, EqualsTransformers) {
  const auto model = load(golden_path(GetParam()), pool_, options_of(DenseType::f32));
  ASSERT_TRUE(model);
  const std::vector<Case> cases = read_cases(GetParam());
  ASSERT_EQ(cases.size(), 4u);
  const std::vector<Case> got = run(*model, cases);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    EXPECT_LT(greatest_difference(got[i].states, cases[i].states), 1e-3f) << "case " << i;
    EXPECT_LT(greatest_difference(got[i].logits, cases[i].logits), 2e-3f) << "case " << i;
    EXPECT_LT(greatest_difference(got[i].alignment, cases[i].alignment), 1e-4f) << "case " << i;
  }
}

TEST_P(WhisperGolden, HalfMemoryChangesLittle) {
  SpeechOptions options = options_of(DenseType::f32);
  options.kv = KvType::f16;
  const auto model = load(golden_path(GetParam()), pool_, options);
  ASSERT_TRUE(model);
  const std::vector<Case> cases = read_cases(GetParam());
  const std::vector<Case> got = run(*model, cases);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    EXPECT_LT(greatest_difference(got[i].logits, cases[i].logits), 1e-2f) << "case " << i;
    EXPECT_LT(greatest_difference(got[i].alignment, cases[i].alignment), 1e-3f) << "case " << i;
  }
}

// The rounded precisions stay near: a mistake in one would not.
TEST_P(WhisperGolden, LowerPrecisionsAreNear) {
  const std::vector<Case> cases = read_cases(GetParam());
  for (const auto& [dtype, least] :
       {std::pair(DenseType::bf16, 0.999), std::pair(DenseType::int8, 0.99)}) {
    const auto model = load(golden_path(GetParam()), pool_, options_of(dtype));
    ASSERT_TRUE(model);
    const std::vector<Case> got = run(*model, cases);
    for (std::size_t i = 0; i < cases.size(); ++i) {
      EXPECT_GT(cosine(got[i].states, cases[i].states), least)
          << dense_type_name(dtype) << " case " << i;
      EXPECT_GT(cosine(got[i].logits, cases[i].logits), least)
          << dense_type_name(dtype) << " case " << i;
      EXPECT_GT(cosine(got[i].alignment, cases[i].alignment), least)
          << dense_type_name(dtype) << " case " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, WhisperGolden,
                         testing::Values("english", "english-int8", "english-int16", "large-mels",
                                         "odd"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(WhisperConfig, IsReadFromTheFolder) {
  const auto english = SpeechFolder::open(golden_path("english"));
  ASSERT_TRUE(english.ok()) << english.error().message;
  EXPECT_FALSE(english->config.multilingual);
  ASSERT_EQ(english->config.alignment_heads.size(), 2u);
  EXPECT_EQ(english->config.alignment_heads[0].layer, 1);
  EXPECT_EQ(english->config.alignment_heads[1].head, 1);
  EXPECT_EQ(english->config.suppress_ids, (std::vector<int>{4, 6}));
  EXPECT_EQ(english->config.suppress_ids_begin, (std::vector<int>{8, 2}));
  const auto large = SpeechFolder::open(golden_path("large-mels"));
  ASSERT_TRUE(large.ok()) << large.error().message;
  EXPECT_TRUE(large->config.multilingual);
  EXPECT_EQ(large->config.language_ids, (std::vector<int>{9, 10}));
  EXPECT_EQ(large->shape.mels, 128);
  ASSERT_EQ(large->config.alignment_heads.size(), 1u);  // all of the upper half of one layer
}

}  // namespace
}  // namespace serval::whisper
