// Damaged and absurd sound files: each gives an error in words or finite samples, in bounded
// memory.
#include <cmath>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "plugins/whisper/audio/log_mel.h"
#include "tests/plugins/whisper/audio/hostile_files.h"
#include "tests/plugins/whisper/audio/whole_source.h"

namespace serval::whisper {
namespace {

// Reads up to ten minutes. Returns how many samples there were, or -1 for a refusal.
int64_t read_or_refuse(const std::string& bytes) {
  const auto source = whole_source(bytes);
  if (!source) {
    EXPECT_EQ(source.error().code, Code::invalid_argument);
    EXPECT_FALSE(source.error().message.empty());
    return -1;
  }
  int64_t total = 0;
  std::vector<float> out(48000);
  for (std::size_t got = out.size(); got == out.size() && total < 600 * kSampleRate;
       total += int64_t(got)) {
    got = (*source)->read(out);
    for (std::size_t i = 0; i < got; ++i)
      if (!(std::abs(out[i]) < 4 * kMaxSample)) {
        ADD_FAILURE() << "sample " << total + int64_t(i) << " is " << out[i];
        return total;
      }
  }
  return total;
}

int64_t peak_kib() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

TEST(HostileAudio, EndsInAnErrorOrAResult) {
  const Files files = hostile_files();
  EXPECT_GE(files.size(), 100u);
  [[maybe_unused]] const int64_t before = peak_kib();
  int refused = 0;
  for (const auto& [name, bytes] : files) {
    SCOPED_TRACE(name);
    const int64_t samples = read_or_refuse(bytes);
    refused += samples < 0;
    // A file without samples is refused; only these are too short for one of 16 kHz.
    EXPECT_EQ(samples == 0, name == "one sample at 768 kHz");
  }
  EXPECT_GT(refused, 30);
  EXPECT_LT(refused, int(files.size()) - 30);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // which keep what was freed
  EXPECT_LT(peak_kib() - before, 64 << 10);
#endif
}

// The samples of a NaN file are silence, and so is its spectrogram.
TEST(HostileAudio, NumbersStayNumbersUpToTheSpectrogram) {
  const Files files = absurd_files();
  for (const char* name : {"NaN", "infinite", "loud", "denormal", "one sample", "192 kHz"}) {
    const auto source = whole_source(files.at(name));
    ASSERT_TRUE(source) << name;
    std::vector<float> samples(kMaxSamples), mel(kMaxFrames * 80);
    samples.resize((*source)->read(samples));
    LogMel(80).run(samples, kMaxFrames, mel.data());
    for (const float value : mel) ASSERT_TRUE(std::isfinite(value)) << name;
  }
}

}  // namespace
}  // namespace serval::whisper
