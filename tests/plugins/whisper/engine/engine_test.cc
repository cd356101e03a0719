// The whole way of a request through the engine, on the real tiny.en.
#include "tests/plugins/whisper/engine/engine_fixture.h"

namespace serval::whisper {
namespace {

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
  for (int clip = 1; clip <= 8; ++clip) pcm += reading(clip);
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
