// Live audio through the engine, on the real tiny.en.
#include <thread>

#include "tests/plugins/whisper/engine/engine_fixture.h"

namespace serval::whisper {
namespace {

struct Text {
  std::string text;
  double start, end;
  bool operator==(const Text&) const = default;
};

std::vector<Text> texts_of(const Outcome& outcome, bool final) {
  std::vector<Text> out;
  for (std::size_t i = 0; i < outcome.texts.size(); ++i) {
    const json::object& meta = outcome.segments[i];
    if (meta.at("final").as_bool() != final) continue;
    out.push_back({outcome.texts[i], meta.at("start").to_number<double>(),
                   meta.at("end").to_number<double>()});
  }
  return out;
}
std::vector<Text> finals(const Outcome& outcome) { return texts_of(outcome, true); }
std::vector<Text> partials(const Outcome& outcome) { return texts_of(outcome, false); }

std::string whole_text(const Outcome& outcome) {
  std::string out;
  for (const Text& text : finals(outcome)) out += text.text;
  return out;
}

class WhisperLive : public WhisperEngine {
 protected:
  uint64_t begin(Outcome& outcome, std::string input, std::string_view params = "{}") {
    outcome.input = std::move(input);
    engine().submit(++id_, std::make_unique<TestClient>(outcome), "transcribe_stream", 1, params);
    return id_;
  }
  // So much arrives. False: that was all.
  bool feed(uint64_t id, Outcome& outcome, std::size_t bytes) {
    outcome.arrived = std::min(outcome.input.size(), outcome.arrived + bytes);
    outcome.input_ended = outcome.arrived == outcome.input.size();
    engine().readable(id);
    return !outcome.input_ended;
  }
  // As much as can be done with what has arrived.
  void settle() {
    while (engine().step()) {
    }
  }
  // One stream alone; steps: of the engine between two pieces, 0: all there are.
  void run_live(Outcome& outcome, std::string input, std::size_t piece, int steps,
                std::string_view params = "{}") {
    const uint64_t id = begin(outcome, std::move(input), params);
    for (bool more = true; more;) {
      more = feed(id, outcome, piece);
      if (steps == 0) settle();
      for (int i = 0; i < steps; ++i) engine().step();
    }
    settle();
    EXPECT_TRUE(outcome.ended);
    EXPECT_EQ(outcome.error.message, "");
  }
};

TEST_F(WhisperLive, FinalsAreTheSameHoweverTheAudioComes) {
  const std::string jfk = samples_of("jfk.flac");
  Outcome want;
  run_live(want, jfk, jfk.size(), 0, R"({"partials":false})");
  EXPECT_EQ(words(whole_text(want)), kJfk);
  EXPECT_GE(finals(want).size(), 3u);
  EXPECT_TRUE(partials(want).empty());
  double end = 0;
  for (const Text& text : finals(want)) {
    EXPECT_GE(text.start, end);
    EXPECT_LT(text.start, text.end);
    end = text.end;
  }
  EXPECT_LE(end, 11);
  const struct {
    std::size_t piece;
    int steps;
    const char* params;
  } ways[] = {{640, 0, "{}"},  {3200, 0, "{}"},    {3200, 1, "{}"},
              {9999, 2, "{}"}, {100'001, 0, "{}"}, {640, 0, R"({"partials":false})"}};
  for (const auto& way : ways) {
    SCOPED_TRACE(std::to_string(way.piece) + " bytes, " + std::to_string(way.steps) + " steps");
    Outcome got;
    run_live(got, jfk, way.piece, way.steps, way.params);
    EXPECT_EQ(finals(got), finals(want));
    EXPECT_EQ(got.summary, want.summary);
    EXPECT_EQ(got.usage, want.usage);
  }
  // Where there was time, all that ended in a pause was known before.
  EXPECT_GT(engine().counts().pauses_kept, 0u);
  EXPECT_EQ(engine().running(), 0u);
}

TEST_F(WhisperLive, SaysWhatAFileOfItSays) {
  std::string pcm;
  for (int clip = 1; clip <= 5; ++clip) pcm += reading(clip);
  Outcome live, as_file;
  run_live(live, pcm, 6400, 0);
  submit(as_file, pcm, R"({"encoding":"pcm_s16le"})");
  run();
  // Most words, in order: the longest common subsequence.
  const auto split = [](const std::string& text) {
    std::vector<std::string> out(1);
    for (const char c : words(text))
      if (c == ' ')
        out.emplace_back();
      else
        out.back() += c;
    return out;
  };
  const std::vector<std::string> a = split(whole_text(live)), b = split(as_file.text);
  std::vector<std::size_t> row(b.size() + 1);
  for (const std::string& word : a) {
    std::size_t corner = 0;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = word == b[j - 1] ? corner + 1 : std::max(row[j], row[j - 1]);
      corner = above;
    }
  }
  EXPECT_GT(b.size(), 70u);
  EXPECT_GT(double(row.back()), 0.9 * double(std::max(a.size(), b.size())))
      << whole_text(live) << "\n"
      << as_file.text;
  EXPECT_EQ(parse_json(live.summary)->at("duration"), parse_json(as_file.summary)->at("duration"));
}

TEST_F(WhisperLive, PartialsOfAPieceOnlyGrow) {
  Outcome outcome;
  const uint64_t id = begin(outcome, reading(1) + reading(5));
  // Time until the next hypothesis may be made, as long as there are few: the break between two is
  // some times as long as one takes on this machine.
  std::chrono::steady_clock::duration patience = std::chrono::seconds(2);
  while (feed(id, outcome, 16'000)) {
    const uint64_t before = engine().counts().partials;
    const auto began = std::chrono::steady_clock::now();
    settle();
    const auto settled = std::chrono::steady_clock::now();
    patience = std::max(patience, 4 * (settled - began));
    while (partials(outcome).size() < 5 && std::chrono::steady_clock::now() - settled < patience) {
      if (engine().counts().partials != before) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      settle();
    }
  }
  settle();
  std::string shown;
  int grown = 0;
  for (std::size_t i = 0; i < outcome.texts.size(); ++i) {
    if (outcome.segments[i].at("final").as_bool()) {
      EXPECT_NE(outcome.texts[i], "");
      shown.clear();
      continue;
    }
    EXPECT_TRUE(outcome.texts[i].starts_with(shown)) << shown << "|" << outcome.texts[i];
    EXPECT_GT(outcome.texts[i].size(), shown.size());
    shown = outcome.texts[i];
    ++grown;
  }
  EXPECT_GE(grown, 5);
  EXPECT_EQ(shown, "");  // a final one comes behind each
}

TEST_F(WhisperLive, StreamsAndFilesBesideItChangeNothing) {
  const std::string clips[2] = {samples_of("jfk.flac"), reading(5)};
  std::string hour;
  for (int clip = 1; clip <= 8; ++clip) hour += reading(clip);
  Outcome alone[2], file_alone;
  for (int i = 0; i < 2; ++i) run_live(alone[i], clips[i], 3200, 0);
  submit(file_alone, hour, R"({"encoding":"pcm_s16le"})");
  run();
  Outcome live[4], beside;
  uint64_t ids[4];
  for (int i = 0; i < 4; ++i) ids[i] = begin(live[i], clips[i % 2]);
  submit(beside, hour, R"({"encoding":"pcm_s16le"})");
  for (bool more = true; more;) {
    more = false;
    for (int i = 0; i < 4; ++i) more |= feed(ids[i], live[i], std::size_t(3200 + i * 500));
    engine().step();
  }
  settle();
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(live[i].ended);
    EXPECT_EQ(finals(live[i]), finals(alone[i % 2]));
    EXPECT_EQ(live[i].summary, alone[i % 2].summary);
  }
  EXPECT_TRUE(beside.ended);
  EXPECT_EQ(beside.text, file_alone.text);
  EXPECT_EQ(beside.summary, file_alone.summary);
  EXPECT_EQ(engine().running(), 0u);
}

TEST_F(WhisperLive, SilenceAndNothingHaveNoText) {
  for (const std::size_t seconds : {0u, 10u}) {
    const uint64_t encodes = engine().counts().encodes;
    Outcome outcome;
    run_live(outcome, std::string(seconds * 32'000, '\0'), 10'000, 0);
    EXPECT_TRUE(outcome.texts.empty());
    EXPECT_EQ(parse_json(outcome.summary)->at("duration").to_number<double>(), double(seconds));
    EXPECT_EQ(outcome.usage, seconds == 0 ? R"({"audio_seconds":0E0,"completion_tokens":0})"
                                          : R"({"audio_seconds":1E1,"completion_tokens":0})");
    EXPECT_EQ(engine().counts().encodes, encodes);
  }
}

TEST_F(WhisperLive, AStreamWithNothingToReadIsAsleep) {
  Outcome outcome;
  const uint64_t id = begin(outcome, samples_of("jfk.flac"));
  EXPECT_FALSE(engine().step());
  feed(id, outcome, 150'000);
  settle();
  const EngineCounts before = engine().counts();
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(engine().step());
  EXPECT_EQ(engine().counts().encodes, before.encodes);
  feed(id, outcome, outcome.input.size());
  settle();
  EXPECT_TRUE(outcome.ended);
}

TEST_F(WhisperLive, ACancelledStreamLeavesAtOnce) {
  const std::string jfk = samples_of("jfk.flac");
  for (const bool broken : {false, true}) {
    for (const int steps : {0, 1, 3, 20}) {
      Outcome gone, stays;
      const uint64_t id = begin(gone, jfk), other = begin(stays, jfk);
      feed(id, gone, 200'000);
      feed(other, stays, jfk.size());
      for (int i = 0; i < steps; ++i) engine().step();
      (broken ? gone.input_broken : gone.cancelled) = true;
      engine().readable(id);
      settle();
      EXPECT_EQ(gone.error.code, Code::cancelled);
      EXPECT_EQ(words(whole_text(stays)), kJfk);
      EXPECT_EQ(engine().running(), 0u);
    }
  }
}

TEST_F(WhisperLive, ASlowReaderHoldsItsClientBack) {
  std::string pcm;
  for (int i = 0; i < 6; ++i) pcm += samples_of("jfk.flac");
  Outcome slow, fast;
  slow.credit = 0;
  const uint64_t id = begin(slow, pcm, R"({"partials":false})");
  const uint64_t other = begin(fast, samples_of("jfk.flac"));
  feed(id, slow, pcm.size());
  feed(other, fast, pcm.size());
  settle();
  EXPECT_TRUE(fast.ended);
  EXPECT_FALSE(slow.ended);
  EXPECT_LT(slow.read, pcm.size() / 2);
  EXPECT_LE(slow.most_kept, 1);
  while (!slow.ended) {
    slow.credit = 1;
    engine().writable(id);
    settle();
  }
  std::string six;
  for (int i = 0; i < 6; ++i) six += std::string(i > 0 ? " " : "") + kJfk;
  EXPECT_EQ(words(whole_text(slow)).substr(0, 30), six.substr(0, 30));
  EXPECT_GT(finals(slow).size(), 15u);
}

TEST_F(WhisperLive, EarlierTextIsContext) {
  const std::string jfk = samples_of("jfk.flac");
  Outcome want, got;
  run_live(want, jfk, jfk.size(), 0,
           R"({"condition_on_previous_text":true,"language":"en","partials":false})");
  run_live(got, jfk, 3200, 0, R"({"condition_on_previous_text":true,"language":"en"})");
  EXPECT_EQ(finals(got), finals(want));
  EXPECT_EQ(words(whole_text(want)), kJfk);
}

TEST_F(WhisperLive, WithoutADetectorItIsCutWhereItIsQuiet) {
  std::string pcm;
  for (int clip = 1; clip <= 6; ++clip) pcm += reading(clip);
  Outcome outcome;
  run_live(outcome, pcm, 100'000, 0, R"({"vad":false})");
  ASSERT_EQ(finals(outcome).size(), 2u) << outcome.summary;
  EXPECT_EQ(finals(outcome)[0].start, 0);
  EXPECT_EQ(finals(outcome)[1].start, finals(outcome)[0].end);
  EXPECT_NEAR(finals(outcome)[1].end, double(pcm.size()) / 32'000, 0.001);
  EXPECT_TRUE(words(finals(outcome)[0].text).starts_with("printing in the only sense"));
}

TEST_F(WhisperLive, ParametersOfTheDetectorWork) {
  const std::string jfk = samples_of("jfk.flac");
  Outcome one, few, deaf;
  run_live(one, jfk, 16'000, 0, R"({"vad_min_silence_ms":3000})");
  EXPECT_EQ(finals(one).size(), 1u);
  EXPECT_EQ(words(whole_text(one)), kJfk);
  run_live(few, jfk, 16'000, 0, R"({"vad_min_silence_ms":500})");
  EXPECT_GT(finals(few).size(), 1u);
  run_live(deaf, std::string(jfk), 16'000, 0, R"({"vad_threshold":0.99,"vad_speech_pad_ms":0})");
  EXPECT_NE(finals(deaf), finals(few));
}

TEST_F(WhisperLive, WhatIsWrongIsNamed) {
  for (const auto& [params, name] : {std::pair{R"({"timestamps":"word"})", "timestamps"},
                                     {R"({"encoding":"file"})", "encoding"},
                                     {R"({"beam_size":99})", "beam_size"},
                                     {R"({"partials":1})", "partials"},
                                     {R"({"sample_rate":5})", "sample_rate"},
                                     {R"({"language":"de"})", "language"},
                                     {R"({"vad_min_silence_ms":20000})", "vad_min_silence_ms"},
                                     {R"({"chunks":1})", "chunks"}}) {
    Outcome outcome;
    begin(outcome, "", params);
    EXPECT_EQ(outcome.error.code, Code::invalid_argument) << params;
    EXPECT_EQ(outcome.error.param, name) << params;
  }
  EXPECT_EQ(engine().running(), 0u);
}

class WhisperShortLive : public WhisperLive {
 protected:
  void configure(WhisperConfig& config) override {
    config.max_audio_seconds = 5;
    config.windows = 1;
    config.audio_threads = 0;
  }
};

TEST_F(WhisperShortLive, TooMuchAudioIsAnError) {
  Outcome outcome;
  const uint64_t id = begin(outcome, samples_of("jfk.flac"));
  feed(id, outcome, 3200);
  settle();
  feed(id, outcome, 1'000'000);
  settle();
  EXPECT_EQ(outcome.error.code, Code::out_of_range);
  EXPECT_EQ(outcome.error.message, "the audio is longer than 5 s, the most this model takes");
  EXPECT_EQ(engine().running(), 0u);
}

TEST_F(WhisperShortLive, OneWindowAtATimeIsEnough) {
  const std::string clip = samples_of("jfk.flac").substr(0, 5 * 32'000);
  Outcome a, b, file;
  const uint64_t first = begin(a, clip), second = begin(b, clip);
  submit(file, clip, R"({"encoding":"pcm_s16le"})");
  for (bool more = true; more;) {
    more = feed(first, a, 3200);
    more |= feed(second, b, 3200);
    engine().step();
  }
  settle();
  EXPECT_TRUE(file.ended);
  EXPECT_TRUE(a.ended);
  EXPECT_EQ(finals(a), finals(b));
  EXPECT_FALSE(finals(a).empty());
}

}  // namespace
}  // namespace serval::whisper
