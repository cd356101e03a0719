// Samples do not depend on how the bytes of a file come.
#include "plugins/whisper/audio/arriving_sound.h"

#include <gmock/gmock.h>
#include <random>

#include "tests/plugins/whisper/audio/hostile_files.h"
#include "tests/plugins/whisper/audio/sound_writer.h"

namespace serval::whisper {
namespace {

constexpr std::size_t kMost = 200'000;  // samples that are compared

struct Heard {
  std::string refusal;  // empty: it is a sound
  std::vector<float> samples;
  bool damaged = false;
  int64_t odd_values = 0;
  std::size_t first_at = 0;  // bytes that were there at the first sample
};

// The file comes in pieces; pieces: how many bytes the next one has.
Heard hear(const std::string& bytes, std::optional<RawPcm> pcm, std::size_t margin,
           const std::function<std::size_t()>& piece) {
  Heard heard;
  ArrivingSound sound(pcm, margin);
  std::size_t arrived = 0;
  // False: all of it is there.
  const auto more = [&] {
    if (arrived == bytes.size()) return false;
    arrived += std::min(piece(), bytes.size() - arrived);
    sound.arrive({{bytes.data(), arrived}, arrived == bytes.size()});
    return true;
  };
  sound.arrive({{bytes.data(), 0}, bytes.empty()});
  for (;;) {
    const Result<bool> open = sound.open();
    if (!open) return heard.refusal = open.error().message, heard;
    if (*open) break;
    if (!more()) return heard.refusal = "waits for ever", heard;
  }
  std::vector<float> out(4096);
  for (;;) {
    const std::size_t n = sound.read(out);
    if (n > 0 && heard.samples.empty()) heard.first_at = arrived;
    heard.samples.insert(heard.samples.end(), out.begin(), out.begin() + std::ptrdiff_t(n));
    if (heard.samples.size() >= kMost) return heard;
    if (n == out.size()) continue;
    if (!sound.waits()) break;
    if (!more()) return heard.refusal = "waits for ever", heard;
  }
  heard.damaged = sound.damaged();
  heard.odd_values = sound.odd_values();
  return heard;
}

Heard whole(const std::string& bytes, std::optional<RawPcm> pcm = {}) {
  return hear(bytes, pcm, ArrivingSound::kMargin, [&] { return bytes.size(); });
}

void expect_same(const Heard& a, const Heard& b) {
  EXPECT_EQ(a.refusal, b.refusal);
  ASSERT_EQ(a.samples.size(), b.samples.size());
  EXPECT_TRUE(a.samples == b.samples);
  EXPECT_EQ(a.damaged, b.damaged);
  EXPECT_EQ(a.odd_values, b.odd_values);
}

// Margins so small that readers run into the end again and again.
TEST(ArrivingSound, SamplesAreThoseOfTheWholeFile) {
  std::mt19937 random{7};
  Files files = hostile_files();
  for (auto& [name, bytes] : whole_files()) files["whole " + name] = bytes;
  for (const auto& [name, bytes] : files) {
    SCOPED_TRACE(name);
    const Heard all = whole(bytes);
    for (const std::size_t margin : {1, 3000, 20'000}) {
      SCOPED_TRACE(margin);
      const std::size_t most = 1 + random() % (bytes.size() / 4 + 1);
      expect_same(hear(bytes, {}, margin, [&] { return 1 + random() % most; }), all);
    }
  }
}

TEST(ArrivingSound, RawSamplesToo) {
  const std::string bytes =
      sound_file(tone(20000, 16000, 3), SF_FORMAT_RAW | SF_FORMAT_PCM_16, 16000, 3) + "x";
  const RawPcm pcm{.rate = 16000, .channels = 3};
  const Heard all = whole(bytes, pcm);
  EXPECT_EQ(all.samples.size(), 20000u);
  EXPECT_TRUE(all.damaged);
  for (const std::size_t piece : {1000, 4097, 77'777})
    expect_same(hear(bytes, pcm, 1000, [&] { return piece; }), all);
}

// What is usual is read long before its end has come.
TEST(ArrivingSound, BeginsEarly) {
  const std::pair<const char*, int> formats[] = {
      {"wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16},
      {"wav float", SF_FORMAT_WAV | SF_FORMAT_FLOAT},
      {"wav extensible", SF_FORMAT_WAVEX | SF_FORMAT_PCM_24},
      {"flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16},
      {"mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III}};
  std::mt19937 random{1};
  std::vector<float> noise(480'000);
  for (float& sample : noise) sample = float(random() % 20001) / 20000 - 0.5f;
  for (const auto& [name, format] : formats) {
    SCOPED_TRACE(name);
    const std::string bytes = sound_file(noise, format, 48000, 1);
    ASSERT_GT(bytes.size(), 70'000u);
    const Heard heard = hear(bytes, {}, 10'000, [] { return 1000; });
    EXPECT_LT(heard.first_at, 40'000u);
    EXPECT_EQ(heard.refusal, "");
    EXPECT_FALSE(heard.damaged);
    expect_same(heard, whole(bytes));
  }
  const std::string ogg = sound_file(noise, SF_FORMAT_OGG | SF_FORMAT_VORBIS, 48000, 1);
  const Heard late = hear(ogg, {}, 10'000, [] { return 1000; });
  EXPECT_EQ(late.first_at, ogg.size());
  expect_same(late, whole(ogg));
}

// Recorders that do not know how long it will be write the largest size there is, or none.
TEST(ArrivingSound, AWavOfUnknownLengthIsWhole) {
  const std::string wav =
      sound_file(tone(50'000, 16000, 1), SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 1);
  std::string open = wav;
  open.replace(40, 4, "\xff\xff\xff\xff");
  const Heard heard = hear(open, {}, 1000, [] { return 3000; });
  EXPECT_EQ(heard.samples.size(), 50'000u);
  EXPECT_FALSE(heard.damaged);
  std::string unfinished = wav;
  unfinished.replace(4, 4, std::string("\x08\0\0\0", 4)).replace(40, 4, 4, '\0');
  EXPECT_EQ(hear(unfinished, {}, 1000, [] { return 3000; }).samples.size(), 50'000u);
  const Heard cut = hear(wav.substr(0, 40'000), {}, 1000, [] { return 3000; });
  EXPECT_EQ(cut.samples.size(), (40'000u - 44) / 2);
  EXPECT_TRUE(cut.damaged) << "it says that there is more";
}

// So do encoders that write FLAC into a pipe; whether all of it is there only the length says.
TEST(ArrivingSound, AFlacOfUnknownLengthWaitsForItsEnd) {
  std::string flac =
      sound_file(tone(50'000, 16000, 1), SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 16000, 1);
  ASSERT_EQ(flac.substr(0, 4), "fLaC");
  flac[21] = char(flac[21] & '\xf0');  // 36 bits are the number of samples
  flac.replace(22, 4, 4, '\0');
  const Heard heard = hear(flac, {}, 1000, [] { return 3000; });
  EXPECT_EQ(heard.samples.size(), 50'000u);
  EXPECT_EQ(heard.first_at, flac.size());
  EXPECT_FALSE(heard.damaged);
  EXPECT_TRUE(hear(flac.substr(0, flac.size() * 2 / 3), {}, 1000, [] { return 3000; }).damaged);
}

// Nobody waits for the end of what is no sound.
TEST(ArrivingSound, WhatHasNoReaderIsRefusedAtOnce) {
  ArrivingSound sound({}, 1000);
  const std::string text = "{\"text\":\"" + std::string(5000, 'a');
  sound.arrive({text, false});
  const Result<bool> opened = sound.open();
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, testing::HasSubstr("is a text"));
  ArrivingSound raw(RawPcm{.rate = 5});
  raw.arrive({text, false});
  EXPECT_FALSE(raw.open());
}

TEST(ArrivingSound, SaysHowMuchItWants) {
  const std::string wav =
      sound_file(tone(500'000, 16000, 1), SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 1);
  ArrivingSound sound({});
  sound.arrive({{wav.data(), 1000}, false});
  EXPECT_FALSE(*sound.open());
  EXPECT_TRUE(sound.waits());
  EXPECT_EQ(sound.wanted(), ArrivingSound::kMargin);
  sound.arrive({{wav.data(), 200'000}, false});
  ASSERT_TRUE(*sound.open());
  std::vector<float> out(4096);
  std::size_t read = 0;
  for (std::size_t n = out.size(); n == out.size(); read += n) n = sound.read(out);
  EXPECT_TRUE(sound.waits());
  EXPECT_GT(read, 30'000u);
  EXPECT_GT(sound.wanted(), 200'000u);
  EXPECT_LT(sound.wanted(), 44 + 2 * read + 3 * ArrivingSound::kMargin);
}

}  // namespace
}  // namespace serval::whisper
