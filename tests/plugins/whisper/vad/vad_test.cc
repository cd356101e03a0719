// The speech detector against Silero's own graph (tools/golden/silero_vad.py), on every table of
// kernels.
#include "plugins/whisper/vad/vad.h"

#include <filesystem>
#include <fstream>
#include <random>
#include <unistd.h>

#include "tests/common/formats/test_models.h"
#include "tests/plugins/whisper/golden_tensors.h"
#include "tests/plugins/whisper/nearest_speech.h"

namespace serval::whisper {
namespace {

std::string weights_path() { return test_model_path("silero-vad/silero_vad_16k.safetensors"); }

std::span<const float> whole_windows(std::span<const float> samples) {
  return samples.first(samples.size() / kVadWindow * kVadWindow);
}

std::vector<float> run_all(const Vad& vad, std::span<const float> samples) {
  Vad::State state;
  std::vector<float> probabilities;
  vad.run(state, whole_windows(samples), probabilities);
  return probabilities;
}

void expect_golden(const Vad& vad, std::span<const float> samples, const std::vector<float>& want) {
  const std::vector<float> got = run_all(vad, samples);
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i)
    ASSERT_NEAR(got[i], want[i], 1e-4f) << "window " << i;
}

TEST(Vad, EqualsSilerosGraph) {
  SERVAL_NEED_MODEL(weights_path());
  const GoldenTensors golden("silero_vad.safetensors");
  const std::vector<float> speech = nearest_speech("jfk.flac");
  for (const Ops* ops : all_ops()) {
    if (!ops->usable()) continue;
    SCOPED_TRACE(ops->name);
    const auto vad = Vad::load(weights_path(), *ops);
    ASSERT_TRUE(vad) << vad.error().message;
    std::vector<float> want = golden.get<float>("jfk");
    if (ops == all_ops().front()) want.resize(60);  // the reference takes its time
    expect_golden(**vad, std::span(speech).first(want.size() * kVadWindow), want);
  }
}

TEST(Vad, EqualsSilerosGraphFromAnotherSampleOn) {
  SERVAL_NEED_MODEL(weights_path());
  const GoldenTensors golden("silero_vad.safetensors");
  const Result<const Ops*> ops = best_ops();
  ASSERT_TRUE(ops);
  const auto vad = Vad::load(weights_path(), **ops);
  ASSERT_TRUE(vad);
  const std::vector<float> speech = nearest_speech("jfk.flac");
  expect_golden(**vad, std::span(speech).subspan(100), golden.get<float>("shift"));
}

TEST(Vad, GivesTheSameBitsHoweverAStreamIsCut) {
  SERVAL_NEED_MODEL(weights_path());
  const std::vector<float> speech = nearest_speech("jfk.flac");
  const Result<const Ops*> ops = best_ops();
  ASSERT_TRUE(ops);
  const auto vad = Vad::load(weights_path(), **ops);
  ASSERT_TRUE(vad);
  const std::vector<float> want = run_all(**vad, speech);
  std::mt19937 random(1);
  for (const unsigned longest : {1u, 5u, 100u}) {
    Vad::State state;
    std::vector<float> got;
    for (auto rest = whole_windows(speech); !rest.empty();) {
      const std::size_t piece =
          std::min(rest.size(), kVadWindow * std::size_t(1 + random() % longest));
      (*vad)->run(state, rest.first(piece), got);
      rest = rest.subspan(piece);
    }
    EXPECT_EQ(got, want) << "up to " << longest << " windows a call";
  }
}

TEST(Vad, ToleratesAnySamples) {
  SERVAL_NEED_MODEL(weights_path());
  const Result<const Ops*> ops = best_ops();
  ASSERT_TRUE(ops);
  const auto vad = Vad::load(weights_path(), **ops);
  ASSERT_TRUE(vad);
  for (const float level : {0.0f, 1e-30f, 1.0f, 65536.0f}) {
    std::vector<float> samples(kVadWindow * 20, level);
    for (std::size_t i = 0; i < samples.size(); i += 3) samples[i] = -level;
    for (const float probability : run_all(**vad, samples)) {
      EXPECT_GE(probability, 0) << "level " << level;
      EXPECT_LE(probability, 1) << "level " << level;
    }
  }
}

// A file with one tensor changed is refused by its name.
TEST(Vad, RefusesOtherWeights) {
  SERVAL_NEED_MODEL(weights_path());
  std::ifstream file(weights_path(), std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(file), {}};
  const std::string path = testing::TempDir() + "vad_" + std::to_string(getpid()) + ".safetensors";
  const auto refusal = [&](const std::string& from, const std::string& to) {
    std::string bytes = whole;
    bytes.replace(bytes.find(from), from.size(), to);
    std::ofstream(path, std::ios::binary) << bytes;
    const auto vad = Vad::load(path, *all_ops().front());
    return vad ? "loaded" : vad.error().message;
  };
  EXPECT_EQ(refusal("conv3.bias", "conv5.bias"), path + ": there is no tensor conv3.bias");
  EXPECT_EQ(refusal("[128,129,3]", "[129,128,3]"),
            path + ": tensor conv1.weight is F32 [129, 128, 3], want F32 [128, 129, 3]");
  std::filesystem::remove(path);
  const auto absent = Vad::load(path + ".absent", *all_ops().front());
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, Code::not_found);
}

}  // namespace
}  // namespace serval::whisper
