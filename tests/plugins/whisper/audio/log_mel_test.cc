// The log-mel spectrogram against faster-whisper's (tools/golden/whisper_mel.py).
#include "plugins/whisper/audio/log_mel.h"

#include <cmath>
#include <complex>
#include <random>

#include "plugins/whisper/audio/power_spectrum.h"
#include "tests/plugins/whisper/golden_tensors.h"

namespace serval::whisper {
namespace {

void expect_golden(const GoldenTensors& golden, const std::string& name, int mels) {
  std::vector<float> samples = golden.samples(name + ".samples");
  if (name == "full") {  // one period is kept
    const std::size_t period = samples.size();
    for (std::size_t i = period; i < kMaxSamples; ++i) samples.push_back(samples[i - period]);
  }
  const auto frames = golden.get<int32_t>(name + ".frames");
  const auto want = golden.get<float>(name + "." + std::to_string(mels));
  ASSERT_EQ(want.size(), frames.size() * std::size_t(mels));

  const int count = std::max(frames.back() + 1, (int(samples.size()) + kHop - 1) / kHop);
  std::vector<float> got(std::size_t(count * mels));
  LogMel(mels).run(samples, count, got.data());
  for (std::size_t f = 0; f < frames.size(); ++f) {
    for (std::size_t m = 0; m < std::size_t(mels); ++m) {
      const float difference =
          std::abs(got[std::size_t(frames[f] * mels) + m] - want[f * std::size_t(mels) + m]);
      ASSERT_LT(difference, 1e-4f) << name << ", frame " << frames[f] << ", mel " << m;
    }
  }
}

TEST(LogMel, EqualsFasterWhisper) {
  const GoldenTensors golden("log_mel.safetensors");
  for (const char* name : {"speech", "noise", "tone", "one", "silence", "full"})
    for (const int mels : {80, 128}) expect_golden(golden, name, mels);
}

std::vector<float> random_samples(int count) {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> samples(std::size_t(count), 0.0f);
  for (float& sample : samples) sample = uniform(random);
  return samples;
}

TEST(LogMel, FramesBehindTheSoundAreItsSilence) {
  const LogMel mel(80);
  for (const int count : {0, 1, 159, 160, 161, 479800, 480000}) {
    const std::vector<float> samples = random_samples(count);
    std::vector<float> zeros = samples;
    zeros.resize(kMaxSamples);
    std::vector<float> want(kMaxFrames * 80), got(kMaxFrames * 80);
    mel.run(zeros, kMaxFrames, want.data());
    mel.run(samples, kMaxFrames, got.data());
    EXPECT_EQ(got, want) << count << " samples";
    // The first frames do not change with how many are asked for.
    const int frames = std::max(1, (count + kHop - 1) / kHop);
    std::vector<float> first(std::size_t(frames * 80));
    mel.run(samples, frames, first.data());
    want.resize(first.size());
    EXPECT_EQ(first, want) << count << " samples, " << frames << " frames";
  }
}

TEST(LogMel, WritesNothingBehindItsFrames) {
  std::vector<float> out(10 * 80 + 16, 42.0f);
  LogMel(80).run(random_samples(1500), 10, out.data());
  for (std::size_t i = 800; i < out.size(); ++i) EXPECT_EQ(out[i], 42.0f);
}

TEST(PowerSpectrum, EqualsItsDefinition) {
  const std::vector<float> samples = random_samples(kWindow * kLanes);
  Lanes x[kWindow], power[kBins];
  for (int i = 0; i < kWindow; ++i)
    for (int lane = 0; lane < kLanes; ++lane) x[i][lane] = samples[std::size_t(lane * kWindow + i)];
  power_spectrum(x, power);
  for (int lane = 0; lane < kLanes; ++lane) {
    for (int k = 0; k < kBins; ++k) {
      std::complex<double> sum;
      for (int n = 0; n < kWindow; ++n)
        sum += double(x[n][lane]) * std::polar(1.0, -2 * M_PI * k * n / kWindow);
      EXPECT_NEAR(power[k][lane], std::norm(sum), 1e-4 * std::max(1.0, std::norm(sum)))
          << "bin " << k << ", lane " << lane;
    }
  }
}

}  // namespace
}  // namespace serval::whisper
