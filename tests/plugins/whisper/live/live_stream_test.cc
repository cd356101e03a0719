// Where live audio is cut, with the real detector on real speech.
#include "plugins/whisper/live/live_stream.h"

#include <gtest/gtest.h>
#include <random>

#include "plugins/whisper/audio/log_mel.h"
#include "tests/common/formats/test_models.h"
#include "tests/plugins/whisper/nearest_speech.h"
#include "tests/plugins/whisper/pcm_bytes.h"

namespace serval::whisper {
namespace {

constexpr int64_t kHour = int64_t{3600} * kSampleRate;

VadOptions live_options() {
  VadOptions options;
  options.live = true;
  options.min_silence_ms = 200;
  return options;
}

class LiveStreamTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto path = test_model_path("silero-vad/silero_vad_16k.safetensors");
    SERVAL_NEED_MODEL(path);
    const Result<const Ops*> ops = best_ops();
    ASSERT_TRUE(ops);
    auto vad = Vad::load(path, **ops);
    ASSERT_TRUE(vad) << vad.error().message;
    vad_ = std::move(*vad);
  }
  LiveStream open(const Vad* vad, int64_t most = kHour) {
    Result<LiveStream> stream = LiveStream::open({}, live_options(), vad, most);
    EXPECT_TRUE(stream);
    return std::move(*stream);
  }

  std::unique_ptr<Vad> vad_;
};

// All pieces of the bytes in cuts of up to `longest`.
std::vector<LivePiece> pieces_of(LiveStream stream, std::string_view bytes, std::size_t longest) {
  std::mt19937 random(9);
  std::vector<LivePiece> out;
  const auto take = [&] {
    while (std::optional<LivePiece> piece = stream.next()) out.push_back(std::move(*piece));
  };
  while (!bytes.empty()) {
    const std::size_t count = std::min(bytes.size(), 1 + std::size_t(random()) % longest);
    EXPECT_TRUE(stream.push(bytes.substr(0, count)));
    bytes.remove_prefix(count);
    take();
    if (const std::optional<OpenSpeech> open = stream.open(); open) {
      EXPECT_EQ(int64_t(stream.samples(open->speech).size()),
                open->speech.end - open->speech.begin);
    }
  }
  stream.finish();
  take();
  EXPECT_FALSE(stream.open());
  return out;
}

TEST_F(LiveStreamTest, PiecesDoNotDependOnHowTheBytesAreCut) {
  const std::vector<float> samples = nearest_speech("jfk.flac");
  const std::string bytes = pcm_bytes(samples);
  for (const Vad* vad : std::initializer_list<const Vad*>{vad_.get(), nullptr}) {
    const std::vector<LivePiece> want = pieces_of(open(vad), bytes, bytes.size());
    if (vad == nullptr) {
      EXPECT_EQ(want.size(), 1u);
    } else {
      EXPECT_GE(want.size(), 4u);
    }
    int64_t end = 0;
    for (const LivePiece& piece : want) {
      EXPECT_GE(piece.speech.begin, end);
      EXPECT_GE(piece.bare.begin, piece.speech.begin);
      EXPECT_LE(piece.bare.end, piece.speech.end);
      EXPECT_EQ(int64_t(piece.samples.size()), piece.speech.end - piece.speech.begin);
      // The very samples of the place.
      for (std::size_t i = 0; i < piece.samples.size(); i += 97)
        ASSERT_NEAR(piece.samples[i], samples[std::size_t(piece.speech.begin) + i], 1e-4f);
      end = piece.speech.end;
    }
    EXPECT_LE(end, int64_t(samples.size()));
    for (const std::size_t longest : {3u, 1000u, 70'000u}) {
      const std::vector<LivePiece> got = pieces_of(open(vad), bytes, longest);
      ASSERT_EQ(got.size(), want.size());
      for (std::size_t i = 0; i < got.size(); ++i) {
        EXPECT_EQ(got[i].speech, want[i].speech);
        EXPECT_EQ(got[i].samples, want[i].samples);
      }
    }
  }
}

// Behind a pause of speech the piece is as it was while the pause lasted.
TEST_F(LiveStreamTest, APauseShowsThePieceAsItWillBe) {
  const std::string bytes = pcm_bytes(nearest_speech("jfk.flac"));
  LiveStream stream = open(vad_.get());
  std::optional<OpenSpeech> before;
  int kept = 0, ended = 0;
  for (std::size_t at = 0; at < bytes.size(); at += 640) {
    ASSERT_TRUE(stream.push(std::string_view(bytes).substr(at, 640)));
    for (; std::optional<LivePiece> piece = stream.next(); ++ended) {
      ASSERT_TRUE(before);
      EXPECT_TRUE(before->paused);
      EXPECT_EQ(piece->speech, before->speech);
      kept += int(piece->speech == before->speech);
    }
    before = stream.open();
  }
  EXPECT_GE(ended, 3);
  EXPECT_EQ(kept, ended);
}

TEST_F(LiveStreamTest, SilenceIsNoPiece) {
  EXPECT_TRUE(pieces_of(open(vad_.get()), std::string(20 * 32'000, '\0'), 5000).empty());
  EXPECT_TRUE(pieces_of(open(vad_.get()), "", 1).empty());
  EXPECT_TRUE(pieces_of(open(vad_.get()), "a", 1).empty());
}

TEST_F(LiveStreamTest, SpeechWithoutAPauseIsCut) {
  // Vowels of a second or so, again and again, without the pauses.
  const std::vector<float> speech = nearest_speech("LJ001-0002.flac");
  std::vector<float> long_speech;
  while (long_speech.size() < std::size_t(90 * kSampleRate))
    long_speech.insert(long_speech.end(), speech.begin() + 4000, speech.end() - 4000);
  for (const Vad* vad : std::initializer_list<const Vad*>{vad_.get(), nullptr}) {
    VadOptions options = live_options();
    options.min_silence_ms = 10'000;
    Result<LiveStream> stream = LiveStream::open({}, options, vad, kHour);
    ASSERT_TRUE(stream);
    const auto pieces = pieces_of(std::move(*stream), pcm_bytes(long_speech), 16'000);
    EXPECT_GE(pieces.size(), 3u);
    int64_t end = 0;
    for (const LivePiece& piece : pieces) {
      EXPECT_LE(piece.samples.size(), std::size_t(kMaxSamples));
      EXPECT_GE(piece.speech.begin, end);
      EXPECT_LT(piece.speech.begin - end, kSampleRate);
      end = piece.speech.end;
    }
  }
}

TEST_F(LiveStreamTest, TooMuchIsRefused) {
  LiveStream stream = open(vad_.get(), 2 * kSampleRate);
  EXPECT_TRUE(stream.push(std::string(64'000, '\0')));
  EXPECT_FALSE(stream.damaged());
  const Status more = stream.push(std::string(3, '\0'));
  EXPECT_EQ(more.error().code, Code::out_of_range);
  EXPECT_EQ(more.error().message, "the audio is longer than 2 s, the most this model takes");
  EXPECT_TRUE(stream.damaged());
}

}  // namespace
}  // namespace serval::whisper
