// The whole way of a request through the engine, on the real tiny.en.
#include <cctype>
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

#include "plugins/whisper/engine/loaded_model.h"
#include "tests/common/formats/test_models.h"
#include "tests/plugins/reader_client.h"

namespace serval::whisper {
namespace {

constexpr const char* kJfk =
    "and so my fellow americans ask not what your country can do for you ask what you can do for "
    "your country";

// Without what the precision of the products may change.
std::string words(const std::string& text) {
  std::string out;
  for (const char c : text)
    if (c == ' ' || (std::isalpha(static_cast<unsigned char>(c)) != 0))
      out += char(std::tolower(static_cast<unsigned char>(c)));
  return out.substr(out.find_first_not_of(" "));
}

std::string file(const std::string& name) {
  std::ifstream in(std::string(SERVAL_SOURCE_DIR) + "/tests/data/speech/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct Outcome : ReaderOutcome {
  std::string text, summary;
  std::vector<json::object> segments;
};

class TestClient final : public ReaderClient<Client> {
 public:
  explicit TestClient(Outcome& outcome) : ReaderClient(outcome), o_(outcome) {}
  void emit(EventKind kind, std::string_view data, std::string_view meta_json, bool last) override {
    ASSERT_FALSE(o_.ended);
    EXPECT_EQ(last, kind == EventKind::json);
    if (last) {
      o_.summary = data;
    } else {
      o_.text += data;
      o_.segments.push_back(parse_json(meta_json)->as_object());
    }
    take();
  }

 private:
  Outcome& o_;
};

class WhisperEngine : public testing::Test {
 protected:
  void SetUp() override {
    const auto path = test_model_path("whisper-tiny.en");
    SERVAL_NEED_MODEL(path);
    WhisperConfig config;
    config.threads = 2;
    config.windows = 4;
    auto loaded = LoadedModel::load(path, config, {}, {});
    ASSERT_TRUE(loaded) << loaded.error().message;
    model_ = std::move(*loaded);
  }
  Engine& engine() { return model_->engine(); }
  void submit(Outcome& outcome, std::string_view bytes, std::string_view params = "{}") {
    engine().submit(++id_, std::make_unique<TestClient>(outcome), "transcribe", {bytes}, params);
  }
  void run() {
    while (engine().running() > 0 && engine().step()) {
    }
  }

  std::unique_ptr<LoadedModel> model_;
  uint64_t id_ = 0;
};

TEST_F(WhisperEngine, AClipIsTheSameAloneAndInACrowd) {
  const std::string jfk = file("jfk.flac"), other = file("LJ001-0002.flac");
  Outcome alone;
  submit(alone, jfk);
  run();
  ASSERT_TRUE(alone.ended);
  EXPECT_EQ(alone.error.message, "");
  EXPECT_EQ(words(alone.text), kJfk);
  Outcome crowd[6];
  for (int i = 0; i < 6; ++i) submit(crowd[i], i % 2 == 0 ? jfk : other);
  run();
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(crowd[i].ended);
    EXPECT_EQ(crowd[i].text, i % 2 == 0 ? alone.text : crowd[1].text);
    EXPECT_EQ(crowd[i].summary, i % 2 == 0 ? alone.summary : crowd[1].summary);
  }
  EXPECT_EQ(engine().running(), 0u);
}

TEST_F(WhisperEngine, WordsHaveTimesInOrder) {
  const std::string jfk = file("jfk.flac");
  Outcome outcome;
  submit(outcome, jfk, R"({"timestamps":"word"})");
  run();
  ASSERT_TRUE(outcome.ended);
  double last = 0;
  int words = 0;
  for (const json::object& segment : outcome.segments) {
    for (const json::value& word : segment.at("words").as_array()) {
      EXPECT_GE(word.at("start").to_number<double>(), last - 1e-6);
      last = word.at("end").to_number<double>();
      ++words;
    }
  }
  EXPECT_EQ(words, 22);
  EXPECT_LE(last, 11.1);
}

TEST_F(WhisperEngine, LongAudioComesInOrderAndWhole) {
  // Eight clips of one reading in a row, as headerless samples: two windows at least.
  std::string pcm;
  for (int clip = 1; clip <= 8; ++clip) {
    const std::string bytes =
        file("../../../bench/data/speech/LJ001-000" + std::to_string(clip) + ".flac");
    const auto source = AudioSource::open(bytes);
    ASSERT_TRUE(source);
    std::vector<float> samples(kMaxSamples);
    samples.resize((*source)->read(samples));
    for (const float sample : samples) {
      const auto value = int16_t(sample * 32767);
      pcm.append(reinterpret_cast<const char*>(&value), sizeof(value));
    }
  }
  Outcome outcome;
  submit(outcome, pcm, R"({"encoding":"pcm_s16le","timestamps":"segment"})");
  run();
  ASSERT_TRUE(outcome.ended);
  double last = 0;
  for (const json::object& segment : outcome.segments) {
    EXPECT_GE(segment.at("start").to_number<double>(), last - 1e-6);
    last = segment.at("end").to_number<double>();
  }
  std::size_t at = 0;  // a word of each clip
  for (const char* word : {"differs", "modern", "woodcutters", "Netherlands", "printed book",
                           "letters", "typography", "surpassed"}) {
    at = outcome.text.find(word, at);
    EXPECT_NE(at, outcome.text.npos) << word << " in" << outcome.text;
  }
  EXPECT_EQ(parse_json(outcome.summary)->at("failed").as_array().size(), 0u) << outcome.summary;
}

TEST_F(WhisperEngine, WhatIsWrongIsNamed) {
  Outcome text, option;
  submit(text, "this is no sound");
  EXPECT_EQ(text.error.code, Code::invalid_argument);
  EXPECT_EQ(text.error.param, "audio");
  const std::string jfk = file("jfk.flac");
  submit(option, jfk, R"({"beam_size":99})");
  EXPECT_EQ(option.error.param, "beam_size");
  EXPECT_EQ(engine().running(), 0u);
}

TEST_F(WhisperEngine, ACancelledRequestLeavesAndTheOthersGoOn) {
  const std::string jfk = file("jfk.flac");
  Outcome gone, stays;
  submit(gone, jfk);
  submit(stays, jfk);
  engine().step();
  engine().step();
  gone.cancelled = true;
  run();
  EXPECT_EQ(gone.error.code, Code::cancelled);
  EXPECT_EQ(words(stays.text), kJfk);
}

TEST_F(WhisperEngine, ASlowReaderKeepsOnlyItsOwnRequestWaiting) {
  const std::string jfk = file("jfk.flac");
  Outcome slow, fast;
  slow.credit = 0;
  submit(slow, jfk);
  submit(fast, jfk);
  run();
  EXPECT_TRUE(fast.ended);
  EXPECT_FALSE(slow.ended);
  while (!slow.ended) {
    slow.credit = 1;
    engine().writable(1);
  }
  EXPECT_EQ(words(slow.text), kJfk);
}

}  // namespace
}  // namespace serval::whisper
