// Real weights against CTranslate2 in float32 (tools/golden/whisper_real.py), and the contract that
// an item's result is bitwise the same in any company.
#include "tests/plugins/whisper/model/test_speech.h"

namespace serval::whisper {
namespace {

constexpr DenseType kTypes[] = {DenseType::f32, DenseType::bf16, DenseType::int8};

// Greedy tokens behind the prompt, without the end; logits of each step go to `steps`.
std::vector<int32_t> greedy(SpeechModel& model, const SpeechModel::Cross& cross,
                            std::vector<int32_t> tokens, int most,
                            std::vector<std::vector<float>>* steps = nullptr) {
  const int32_t end = model.config().multilingual ? 50257 : 50256;
  std::vector<float> logits(std::size_t(model.shape().vocab));
  SpeechModel::Self self;
  std::vector<int32_t> out;
  while (int(out.size()) < most) {
    const DecodeItem item{tokens, &self, &cross, logits.data()};
    if (const Status s = model.decode({&item, 1}); !s) {
      ADD_FAILURE() << s.error().message;
      break;
    }
    if (steps != nullptr) steps->push_back(logits);
    const auto best = int32_t(test_ops().argmax(logits.data(), int64_t(logits.size())));
    if (best == end) break;
    out.push_back(best);
    tokens = {best};
  }
  return out;
}

void expect_golden(const std::string& name, bool long_lane) {
  const auto path = test_model_path(name);
  SERVAL_NEED_MODEL_OF(path, long_lane);
  const json::value golden = read_json(golden_path(name + ".json"));
  const std::vector<float> mel = speech_mel(3000);
  ThreadPool pool(2);
  for (const DenseType type : kTypes) {
    const auto model = load(path, pool, options_of(type));
    ASSERT_TRUE(model);
    const int hidden = model->shape().hidden;
    std::vector<float> states(std::size_t(1500 * hidden));
    SpeechModel::Cross cross;
    const SpeechModel::EncodeItem item{mel.data(), 3000, false, &cross, states.data()};
    ASSERT_TRUE(model->encode({&item, 1}).ok());
    const double least = type == DenseType::f32 ? 0.99999 : type == DenseType::bf16 ? 0.999 : 0.95;
    for (const auto& [index, want] : golden.at("states").get_object()) {
      const std::vector<float> row = numbers(want);
      const std::span<const float> got(states.data() + std::stoi(index) * hidden, row.size());
      EXPECT_GT(cosine(got, row), least) << dense_type_name(type) << " state " << index;
      if (type == DenseType::f32) {
        EXPECT_LT(greatest_difference(got, row), 5e-3f) << "state " << index;
      }
    }
    std::vector<std::vector<float>> steps;
    const auto tokens = greedy(*model, cross, tokens_of(golden.at("prompt")), 60, &steps);
    EXPECT_EQ(tokens, tokens_of(golden.at("tokens"))) << dense_type_name(type);
    const json::array& want = golden.at("logits").get_array();
    ASSERT_EQ(steps.size(), want.size()) << dense_type_name(type);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      std::vector<float> thinned;
      for (std::size_t at = 0; at < steps[i].size(); at += 997) thinned.push_back(steps[i][at]);
      EXPECT_GT(cosine(thinned, numbers(want[i])), least) << dense_type_name(type) << " step " << i;
      if (type == DenseType::f32) {
        EXPECT_LT(greatest_difference(thinned, numbers(want[i])), 1e-2f) << "step " << i;
      }
    }
  }
}

TEST(WhisperReal, TinyEqualsCTranslate2) { expect_golden("whisper-tiny.en", false); }
TEST(WhisperReal, BaseEqualsCTranslate2) { expect_golden("whisper-base", true); }

// Only the speech encoded, with grafted silence: the same text as from the whole window.
TEST(WhisperReal, GraftKeepsTheText) {
  const auto path = test_model_path("whisper-tiny.en");
  SERVAL_NEED_MODEL(path);
  const json::value golden = read_json(golden_path("whisper-tiny.en.json"));
  const int frames = (int(golden.at("frames").get_int64()) + 100 + 63) / 64 * 64;
  const std::vector<float> mel = speech_mel(frames);
  ThreadPool pool(2);
  for (const DenseType type : kTypes) {
    const auto model = load(path, pool, options_of(type));
    ASSERT_TRUE(model);
    SpeechModel::Cross cross;
    const SpeechModel::EncodeItem item{mel.data(), frames, true, &cross};
    ASSERT_TRUE(model->encode({&item, 1}).ok());
    EXPECT_EQ(cross.states(), 1500);
    EXPECT_EQ(greedy(*model, cross, tokens_of(golden.at("prompt")), 60),
              tokens_of(golden.at("tokens")))
        << dense_type_name(type);
  }
}

struct Window {
  int frames;
  bool graft;
};
constexpr Window kWindows[] = {{320, true}, {64, true}, {256, false}, {704, false}, {192, true}};

struct Outcome {
  std::vector<float> states;
  std::vector<std::vector<float>> logits;  // of each token
  bool operator==(const Outcome&) const = default;
};

// Encodes window `index` alone and decodes the tokens, the first `prompt` of them in one call.
Outcome alone(SpeechModel& model, int index, std::span<const int32_t> tokens, int prompt) {
  const Window w = kWindows[index];
  const std::vector<float> mel = mel_of(w.frames, 80);
  Outcome run;
  run.states.resize(std::size_t(w.frames / 2 * model.shape().hidden));
  SpeechModel::Cross cross;
  SpeechModel::Self self;
  const SpeechModel::EncodeItem encode{mel.data(), w.frames, w.graft, &cross, run.states.data()};
  EXPECT_TRUE(model.encode({&encode, 1}).ok());
  const auto vocab = std::size_t(model.shape().vocab);
  for (std::size_t at = 0; at < tokens.size();) {
    const std::size_t count = at == 0 ? std::size_t(prompt) : 1;
    std::vector<float> logits(count * vocab);
    DecodeItem item{tokens.subspan(at, count), &self, &cross};
    item.all_logits = logits.data();
    EXPECT_TRUE(model.decode({&item, 1}).ok());
    for (std::size_t i = 0; i < count; ++i)
      run.logits.emplace_back(logits.begin() + std::ptrdiff_t(i * vocab),
                              logits.begin() + std::ptrdiff_t((i + 1) * vocab));
    at += count;
  }
  return run;
}

TEST(WhisperReal, CompanyChangesNoBit) {
  const auto path = test_model_path("whisper-tiny.en");
  SERVAL_NEED_MODEL(path);
  const std::vector<int32_t> tokens{50257, 50362, 383, 2068, 7586, 21831, 18045};
  for (const DenseType type : kTypes) {
    ThreadPool two(2), one(1);
    const auto model = load(path, two, options_of(type));
    const auto other = load(path, one, options_of(type));
    ASSERT_TRUE(model && other);
    std::vector<Outcome> want;
    for (int i = 0; i < 5; ++i) {
      want.push_back(alone(*model, i, tokens, 2));
      // Neither the cut into calls nor the number of threads matters.
      ASSERT_TRUE(alone(*model, i, tokens, 7) == want.back()) << dense_type_name(type);
      ASSERT_TRUE(alone(*other, i, tokens, 3) == want.back()) << dense_type_name(type);
    }
    // All in one batch; two hypotheses a window, which start apart and share what they read.
    std::vector<std::vector<float>> mels, states(5);
    std::vector<SpeechModel::Cross> cross(5);
    std::vector<SpeechModel::EncodeItem> encode;
    for (int i = 0; i < 5; ++i) {
      const Window w = kWindows[i];
      mels.push_back(mel_of(w.frames, 80));
      states[std::size_t(i)].resize(std::size_t(w.frames / 2 * model->shape().hidden));
      encode.push_back({mels.back().data(), w.frames, w.graft, &cross[std::size_t(i)],
                        states[std::size_t(i)].data()});
    }
    ASSERT_TRUE(model->encode(encode).ok());
    std::vector<SpeechModel::Self> self(5), fork(2);
    std::vector<std::vector<float>> logits(7);
    for (auto& row : logits) row.resize(std::size_t(model->shape().vocab));
    for (std::size_t at = 0; at < tokens.size(); ++at) {
      std::vector<DecodeItem> items;
      for (std::size_t i = 0; i < 5; ++i)
        items.push_back({{&tokens[at], 1}, &self[i], &cross[i], logits[i].data()});
      for (std::size_t i = 0; i < 2 && at >= 3; ++i)
        items.push_back({{&tokens[at], 1}, &fork[i], &cross[i], logits[5 + i].data()});
      ASSERT_TRUE(model->decode(items).ok());
      for (std::size_t i = 0; i < 5; ++i)
        ASSERT_EQ(logits[i], want[i].logits[at]) << dense_type_name(type) << " token " << at;
      for (std::size_t i = 0; i < 2 && at >= 3; ++i)
        ASSERT_EQ(logits[5 + i], want[i].logits[at]) << dense_type_name(type) << " token " << at;
      for (std::size_t i = 0; i < 2 && at == 2; ++i) ASSERT_TRUE(fork[i].copy_from(self[i]).ok());
    }
    for (std::size_t i = 0; i < 5; ++i) ASSERT_EQ(states[i], want[i].states);
  }
}

}  // namespace
}  // namespace serval::whisper
