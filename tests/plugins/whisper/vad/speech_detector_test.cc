// Stretches of speech against faster-whisper's (tools/golden/vad_segments.py).
#include "plugins/whisper/vad/speech_detector.h"

#include <fstream>
#include <gtest/gtest.h>
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
  EXPECT_EQ(piece->speech, (Speech{20 * kVadHop - 6400, 56 * kVadHop}));  // what was heard of it
  // The next piece begins where that ended, at the earliest.
  for (int i = 0; i < 20; ++i) detector.push(0.9f);
  detector.finish(76 * kVadHop);
  const std::optional<SpeechPiece> last = detector.next();
  ASSERT_TRUE(last);
  EXPECT_EQ(last->speech, (Speech{56 * kVadHop, 76 * kVadHop}));
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
