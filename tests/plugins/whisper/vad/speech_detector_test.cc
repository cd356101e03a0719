// Stretches of speech against faster-whisper's (tools/golden/vad_segments.py).
#include "plugins/whisper/vad/speech_detector.h"

#include <fstream>
#include <gtest/gtest.h>
#include <random>
#include <vector>

#include "common/json.h"

namespace serval::whisper {
namespace {

json::array golden_cases() {
  std::ifstream file(SERVAL_SOURCE_DIR "/tests/golden/whisper/vad_segments.json");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  Result<json::value> value = parse_json(text);
  if (!value) {
    ADD_FAILURE() << value.error().message;
    return {};
  }
  return value->as_array();
}

VadOptions options_of(const json::value& from) {
  VadOptions options;
  options.threshold = from.at("threshold").to_number<float>();
  options.min_speech_ms = from.at("min_speech_duration_ms").to_number<int>();
  options.min_silence_ms = from.at("min_silence_duration_ms").to_number<int>();
  options.speech_pad_ms = from.at("speech_pad_ms").to_number<int>();
  options.max_seconds = from.at("max_speech_duration_s").to_number<float>();
  return options;
}

TEST(SpeechDetector, FindsWhatFasterWhisperFinds) {
  int number = 0;
  for (const json::value& wanted : golden_cases()) {
    SCOPED_TRACE("case " + std::to_string(number++));
    const VadOptions options = options_of(wanted.at("options"));
    ASSERT_TRUE(check_vad_options(options)) << check_vad_options(options).error().message;
    SpeechDetector detector(options);
    std::vector<Speech> got;
    int64_t keep_from = 0;
    const auto take = [&] {
      while (const std::optional<SpeechPiece> piece = detector.next()) {
        EXPECT_GE(piece->speech.begin, keep_from);
        got.push_back(piece->speech);
      }
    };
    for (const json::value& p : wanted.at("probabilities").as_array()) {
      detector.push((p.to_number<float>() + 0.5f) / 100);
      take();
      EXPECT_GE(detector.keep_from(), keep_from);
      keep_from = detector.keep_from();
    }
    detector.finish(wanted.at("samples").to_number<int64_t>());
    take();
    std::vector<Speech> want;
    for (const json::value& s : wanted.at("speech").as_array())
      want.push_back({s.at(0).to_number<int64_t>(), s.at(1).to_number<int64_t>()});
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(got[i].begin, want[i].begin) << "piece " << i;
      EXPECT_EQ(got[i].end, want[i].end) << "piece " << i;
    }
  }
}

// 100 windows of silence after speech are enough for its end to be known.
TEST(SpeechDetector, GivesAPieceWhileTheSilenceGoesOn) {
  SpeechDetector detector({});
  for (int i = 0; i < 50; ++i) detector.push(i < 10 ? 0 : 0.9f);
  EXPECT_TRUE(detector.in_speech());
  EXPECT_FALSE(detector.next());
  for (int i = 0; i < 30; ++i) detector.push(0);
  EXPECT_FALSE(detector.in_speech());
  const std::optional<SpeechPiece> piece = detector.next();
  ASSERT_TRUE(piece);
  EXPECT_EQ(piece->speech, (Speech{0, 50 * kVadHop + 6400}));
}

TEST(SpeechDetector, GivesLiveSpeechOnceItHasEnded) {
  VadOptions options;
  options.live = true;
  SpeechDetector detector(options);
  for (int i = 0; i < 50; ++i) detector.push(i < 20 ? 0 : 0.9f);
  for (int i = 0; i < 5; ++i) detector.push(0);
  EXPECT_FALSE(detector.next());
  detector.push(0);  // 160 ms of silence
  const std::optional<SpeechPiece> piece = detector.next();
  ASSERT_TRUE(piece);
  EXPECT_EQ(piece->speech, (Speech{20 * kVadHop - 6400, 50 * kVadHop + kLiveTail}));
  EXPECT_EQ(piece->bare, (Speech{20 * kVadHop, 50 * kVadHop}));
  // The next piece begins where that ended, at the earliest.
  for (int i = 0; i < 20; ++i) detector.push(0.9f);
  detector.finish(76 * kVadHop);
  const std::optional<SpeechPiece> last = detector.next();
  ASSERT_TRUE(last);
  EXPECT_EQ(last->speech, (Speech{50 * kVadHop + kLiveTail, 76 * kVadHop}));
}

TEST(SpeechDetector, ShowsSpeechThatGoesOn) {
  VadOptions options;
  options.live = true;
  SpeechDetector detector(options);
  for (int i = 0; i < 20; ++i) detector.push(0);
  EXPECT_FALSE(detector.open());
  for (int i = 0; i < 30; ++i) detector.push(0.9f);
  ASSERT_TRUE(detector.open());
  EXPECT_EQ(detector.open()->speech, (Speech{20 * kVadHop - 6400, 50 * kVadHop}));
  EXPECT_FALSE(detector.open()->paused);
  detector.push(0);
  detector.push(0);
  EXPECT_FALSE(detector.open()->paused);
  detector.push(0);
  EXPECT_TRUE(detector.open()->paused);
  EXPECT_EQ(detector.open()->speech, (Speech{20 * kVadHop - 6400, 50 * kVadHop + kLiveTail}));
  EXPECT_EQ(detector.open()->bare, (Speech{20 * kVadHop, 50 * kVadHop}));
  detector.push(0.9f);
  EXPECT_FALSE(detector.open()->paused);
  EXPECT_EQ(detector.open()->bare, (Speech{20 * kVadHop, 54 * kVadHop}));
}

std::vector<float> random_talk(std::mt19937& random) {
  std::vector<float> probabilities;
  while (probabilities.size() < 3000) {
    const float low = random() % 3 == 0 ? 0.0f : random() % 2 == 0 ? 0.3f : 0.5f;
    for (unsigned i = random() % (random() % 9 == 0 ? 900 : 20) + 1; i > 0; --i)
      probabilities.push_back(low + float(random() % 1000) / 2000);
  }
  return probabilities;
}

// A piece is what its last pause promised, unless speech went on or was cut for its length; and
// the end of the input changes nothing about a pause.
TEST(SpeechDetector, APauseSaysWhatThePieceWillBe) {
  std::mt19937 random(7);
  int kept = 0;
  for (int round = 0; round < 100; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    VadOptions options;
    options.live = true;
    options.min_silence_ms = int(random() % 500);
    options.speech_pad_ms = int(random() % 500);
    options.max_seconds = 5 + float(random() % 26);
    SpeechDetector detector(options);
    std::optional<OpenSpeech> before;
    int64_t given = 0;
    for (const float probability : random_talk(random)) {
      if (before && before->paused && random() % 50 == 0) {
        SpeechDetector ends = detector;
        ends.finish(detector.heard());
        const std::optional<SpeechPiece> piece = ends.next();
        ASSERT_TRUE(piece);
        EXPECT_EQ(piece->speech, before->speech);
      }
      detector.push(probability);
      const int64_t keep_from = detector.keep_from();
      while (const std::optional<SpeechPiece> piece = detector.next()) {
        EXPECT_LE(keep_from, piece->speech.begin);
        EXPECT_LE(piece->speech.end, detector.heard());
        EXPECT_GE(piece->speech.begin, given);
        EXPECT_LE(piece->speech.end - piece->speech.begin, int64_t(options.max_seconds * 16000));
        given = piece->speech.end;
        if (!before || !before->paused || before->bare.end != piece->bare.end) continue;
        EXPECT_EQ(piece->speech, before->speech);
        ++kept;
      }
      before = detector.open();
      if (!before) continue;
      EXPECT_GE(before->speech.begin, given);
      EXPECT_GE(before->speech.begin, detector.keep_from());
    }
  }
  EXPECT_GT(kept, 100);
}

TEST(VadOptions, OutOfRangeAreRefusedByName) {
  const auto refusal = [](auto change) {
    VadOptions options;
    change(options);
    const Status status = check_vad_options(options);
    return status ? std::string() : status.error().message + "|" + status.error().param;
  };
  EXPECT_EQ(refusal([](VadOptions&) {}), "");
  EXPECT_EQ(refusal([](VadOptions& o) { o.threshold = 1.5f; }),
            "vad_threshold is 1.5, want 0.01 to 1|vad_threshold");
  EXPECT_EQ(refusal([](VadOptions& o) { o.min_silence_ms = -1; }),
            "vad_min_silence_ms is -1, want 0 to 10000|vad_min_silence_ms");
  EXPECT_NE(refusal([](VadOptions& o) { o.max_seconds = 31; }), "");
  EXPECT_NE(refusal([](VadOptions& o) { o.speech_pad_ms = 2001; }), "");
  EXPECT_NE(refusal([](VadOptions& o) { o.threshold = 0.0f / 0.0f; }), "");
}

}  // namespace
}  // namespace serval::whisper
