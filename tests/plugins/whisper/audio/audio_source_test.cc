#include "plugins/whisper/audio/audio_source.h"

#include <gmock/gmock.h>
#include <limits>

#include "tests/plugins/whisper/audio/sound_writer.h"
#include "tests/plugins/whisper/audio/whole_source.h"

namespace serval::whisper {
namespace {

using testing::HasSubstr;

std::vector<float> read_all(AudioSource& source, std::size_t piece = 5000) {
  std::vector<float> samples, out(piece);
  for (std::size_t got = piece; got == piece;) {
    got = source.read(out);
    samples.insert(samples.end(), out.begin(), out.begin() + std::ptrdiff_t(got));
  }
  EXPECT_EQ(source.read(out), 0u);
  return samples;
}

// How far from the 440 Hz tone the samples are, in decibels of its power, edges left out.
double noise_db(const std::vector<float>& samples, std::size_t edge) {
  // The best amplitude and phase first: encoders may shift a little.
  double cosine = 0, sine = 0, power = 0, rest = 0;
  const std::size_t count = samples.size() - 2 * edge;
  for (std::size_t i = edge; i < edge + count; ++i) {
    cosine += samples[i] * std::cos(2 * M_PI * 440 * double(i) / 16000) * 2 / double(count);
    sine += samples[i] * std::sin(2 * M_PI * 440 * double(i) / 16000) * 2 / double(count);
  }
  for (std::size_t i = edge; i < edge + count; ++i) {
    const double phase = 2 * M_PI * 440 * double(i) / 16000;
    const double want = cosine * std::cos(phase) + sine * std::sin(phase);
    power += want * want;
    rest += (samples[i] - want) * (samples[i] - want);
  }
  EXPECT_NEAR(std::hypot(cosine, sine), 0.5, 0.02);
  return 10 * std::log10(rest / power + 1e-12);
}

struct Kind {
  const char* name;
  int format;
  double noise_db;
};

TEST(AudioSource, ReadsEveryFormatRateAndNumberOfChannels) {
  const Kind kinds[] = {
      {"wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, -80},
      {"wav 8 bits", SF_FORMAT_WAV | SF_FORMAT_PCM_U8, -35},
      {"wav 24 bits", SF_FORMAT_WAV | SF_FORMAT_PCM_24, -80},
      {"wav float", SF_FORMAT_WAV | SF_FORMAT_FLOAT, -80},
      {"wav double", SF_FORMAT_WAV | SF_FORMAT_DOUBLE, -80},
      {"wav mu-law", SF_FORMAT_WAV | SF_FORMAT_ULAW, -30},
      {"wav ADPCM", SF_FORMAT_WAV | SF_FORMAT_IMA_ADPCM, -15},
      {"wav extensible", SF_FORMAT_WAVEX | SF_FORMAT_PCM_16, -80},
      {"rf64", SF_FORMAT_RF64 | SF_FORMAT_PCM_16, -80},
      {"w64", SF_FORMAT_W64 | SF_FORMAT_PCM_16, -80},
      {"aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_16, -80},
      {"au", SF_FORMAT_AU | SF_FORMAT_PCM_16, -80},
      {"caf", SF_FORMAT_CAF | SF_FORMAT_ALAC_16, -80},
      {"flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, -80},
      {"vorbis", SF_FORMAT_OGG | SF_FORMAT_VORBIS, -20},
  };
  for (const Kind& kind : kinds) {
    for (const int rate : {8000, 16000, 22050, 44100, 48000}) {
      for (const int channels : {1, 2}) {
        SCOPED_TRACE(std::string(kind.name) + ", " + std::to_string(rate) + " Hz, " +
                     std::to_string(channels) + " channels");
        const std::string bytes =
            sound_file(tone(rate, rate, channels), kind.format, rate, channels);
        const auto source = whole_source(bytes);
        ASSERT_TRUE(source) << source.error().message;
        EXPECT_NEAR(double((*source)->samples()), 16000, 1500);
        const std::vector<float> samples = read_all(**source);
        EXPECT_FALSE((*source)->damaged());
        EXPECT_NEAR(double(samples.size()), 16000, 1500);  // ADPCM and MP3 have whole blocks only
        EXPECT_LT(noise_db(samples, 2000), kind.noise_db);
      }
    }
  }
}

TEST(AudioSource, ReadsOpusAndMp3) {
  const Kind kinds[] = {{"opus", SF_FORMAT_OGG | SF_FORMAT_OPUS, -15},
                        {"mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, -25}};
  for (const Kind& kind : kinds) {
    for (const int channels : {1, 2}) {
      SCOPED_TRACE(kind.name);
      const std::string bytes =
          sound_file(tone(48000, 48000, channels), kind.format, 48000, channels);
      const auto source = whole_source(bytes);
      ASSERT_TRUE(source) << source.error().message;
      const std::vector<float> samples = read_all(**source);
      EXPECT_FALSE((*source)->damaged());
      EXPECT_NEAR(double(samples.size()), 16000, 1500);
      EXPECT_LT(noise_db(samples, 3000), kind.noise_db);
    }
  }
}

// "ID3" version 3, flags 0, the length of the rest in four times 7 bits.
TEST(AudioSource, LooksBehindTags) {
  const std::string tag = std::string("ID3\3\0\0\0\0\1\x48", 10) + std::string(200, ' ');
  for (const int format :
       {SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, SF_FORMAT_FLAC | SF_FORMAT_PCM_16}) {
    const std::string bytes = tag + sound_file(tone(48000, 48000, 1), format, 48000, 1);
    const auto source = whole_source(bytes);
    ASSERT_TRUE(source) << source.error().message;
    EXPECT_NEAR(double(read_all(**source).size()), 16000, 1500);
  }
  // The sync of a frame counts for more than what follows.
  EXPECT_FALSE(whole_source(std::string_view("\xff\xf3\x88\xc4\0\0\0\0WAVE", 12)));
  const auto source = whole_source(tag);
  ASSERT_FALSE(source);
  EXPECT_THAT(source.error().message, HasSubstr("has no frame of MPEG audio"));
}

TEST(AudioSource, ReadsSpeech) {
  const std::string bytes = file_bytes(SERVAL_SOURCE_DIR "/tests/data/speech/jfk.flac");
  const auto source = whole_source(bytes);
  ASSERT_TRUE(source) << source.error().message;
  EXPECT_EQ((*source)->samples(), 176000);
  EXPECT_EQ(read_all(**source).size(), 176000u);
}

TEST(AudioSource, GivesTheSameSamplesInPiecesOfAnySize) {
  const std::string bytes =
      sound_file(tone(30000, 44100, 2), SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 2);
  std::vector<float> whole;
  for (const std::size_t piece : {100000, 1, 7, 160, 4096, 10000}) {
    const auto source = whole_source(bytes);
    ASSERT_TRUE(source);
    const std::vector<float> samples = read_all(**source, piece);
    if (whole.empty()) whole = samples;
    EXPECT_EQ(samples, whole) << "pieces of " << piece;
  }
}

TEST(AudioSource, AveragesChannels) {
  const std::vector<float> frames = {0.5f, 0.25f, 0, -0.5f, 0.5f, 0.75f};
  const auto bytes = sound_file(frames, SF_FORMAT_WAV | SF_FORMAT_FLOAT, 16000, 3);
  const auto source = whole_source(bytes);
  ASSERT_TRUE(source);
  const std::vector<float> samples = read_all(**source);
  ASSERT_EQ(samples.size(), 2u);
  EXPECT_FLOAT_EQ(samples[0], 0.25f);
  EXPECT_FLOAT_EQ(samples[1], 0.25f);
}

TEST(AudioSource, CountsValuesThatAreNoNumbersAsSilence) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinite = std::numeric_limits<float>::infinity();
  const auto bytes = sound_file({0.5f, nan, infinite, -infinite, 3e38f, -0.25f},
                                SF_FORMAT_WAV | SF_FORMAT_FLOAT, 16000, 1);
  const auto source = whole_source(bytes);
  ASSERT_TRUE(source);
  EXPECT_EQ(read_all(**source), (std::vector<float>{0.5f, 0, 0, 0, kMaxSample, -0.25f}));
  EXPECT_EQ((*source)->odd_values(), 3);
}

std::string refusal(std::string_view bytes) {
  const auto source = whole_source(bytes);
  if (source) return "read";
  EXPECT_EQ(source.error().code, Code::invalid_argument);
  return source.error().message;
}

TEST(AudioSource, NamesWhatIsWrongWithAFile) {
  using namespace std::string_view_literals;
  EXPECT_EQ(refusal(""), "the audio file is empty");
  EXPECT_EQ(
      refusal("\0\0\0\x1c"
              "ftypM4A \0\0"sv),
      "the audio file is an MP4 or M4A file, want WAV, FLAC, Ogg (Vorbis or Opus), MP3, AIFF, "
      "AU or CAF");
  EXPECT_THAT(refusal("\x1a\x45\xdf\xa3\x01\0\0\0"sv), HasSubstr("a WebM or Matroska file"));
  EXPECT_THAT(refusal("\xff\xf1\x50\x80\x01\x1f\xfc\x21"), HasSubstr("an AAC file"));
  EXPECT_THAT(refusal("{\"file\": \"speech.wav\"}"), HasSubstr("is a text"));
  EXPECT_THAT(refusal("\x01\x02\x03\x04\x05\x06\x07\x08"),
              HasSubstr("not audio of a known format"));
  const std::string wav =
      sound_file(tone(100, 16000, 1), SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 1);
  EXPECT_THAT(refusal(wav.substr(0, 20)), HasSubstr("begins as a WAV file but cannot be read"));
  EXPECT_EQ(refusal(wav.substr(0, 44)), "the audio file is damaged before its first sample");
  EXPECT_EQ(refusal(sound_file({}, SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 1)),
            "the audio file has no samples");
  EXPECT_THAT(refusal(sound_file(tone(10, 16000, 33), SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 33)),
              HasSubstr("33 channels, want 1 to 32"));
  EXPECT_THAT(refusal(sound_file(tone(10, 16000, 1), SF_FORMAT_WAV | SF_FORMAT_PCM_16, 999, 1)),
              HasSubstr("999 Hz, want 1000 to 768000"));
}

TEST(AudioSource, GivesWhatIsGoodOfATruncatedFile) {
  const std::string bytes = file_bytes(SERVAL_SOURCE_DIR "/tests/data/speech/LJ001-0002.flac");
  const auto whole = whole_source(bytes), part = whole_source({bytes.data(), 30000});
  ASSERT_TRUE(whole && part);
  const std::vector<float> samples = read_all(**part), all = read_all(**whole);
  EXPECT_TRUE((*part)->damaged());
  EXPECT_FALSE((*whole)->damaged());
  ASSERT_GT(samples.size(), 8000u);
  ASSERT_LT(samples.size(), all.size());
  for (std::size_t i = 0; i + 500 < samples.size(); ++i)
    ASSERT_NEAR(samples[i], all[i], 1e-6f) << i;
}

TEST(AudioSource, ReadsRawPcm) {
  const std::string bytes("\x00\x40\x00\xc0\x00\x20\x00\x20\x01", 9);
  const auto source = whole_source(bytes, RawPcm{.rate = 16000, .channels = 2});
  ASSERT_TRUE(source);
  EXPECT_EQ((*source)->samples(), 2);
  EXPECT_EQ(read_all(**source), (std::vector<float>{0, 0.25f}));
  EXPECT_TRUE((*source)->damaged());  // half a sample is left
  EXPECT_FALSE(whole_source(bytes, RawPcm{.rate = 999}));
  EXPECT_FALSE(whole_source(bytes, RawPcm{.channels = 0}));
  EXPECT_FALSE(whole_source("a", RawPcm{}));
  EXPECT_FALSE(whole_source("", RawPcm{}));
}

}  // namespace
}  // namespace serval::whisper
