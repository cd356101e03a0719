// The whole way of a request through the engine, on the real tiny.en.
#include "tests/plugins/whisper/audio/sound_writer.h"
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

// With times a model is shown true silence, not its states of silence: what it says is what it says
// of the same clip with zeros behind it.
TEST_F(WhisperEngine, WindowsWithTimesHaveAllTheirSilence) {
  constexpr const char* kParams = R"({"encoding":"pcm_s16le","timestamps":"segment","vad":false})";
  for (int clip = 1; clip <= 9; ++clip) {
    SCOPED_TRACE(clip);
    const std::string pcm = reading(clip);
    std::string silent = pcm;
    silent.resize(2 * kMaxSamples);
    Outcome as_it_is, padded;
    submit(as_it_is, pcm, kParams);
    submit(padded, silent, kParams);
    run();
    EXPECT_EQ(as_it_is.text, padded.text);
    ASSERT_FALSE(as_it_is.segments.empty());
    EXPECT_EQ(as_it_is.segments[0].at("avg_logprob"), padded.segments[0].at("avg_logprob"));
  }
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
  for (const char* word : {"differs", "modern", "Chinese", "Netherlands", "printed book",
                           "letters", "typography", "surpassed"}) {
    at = outcome.text.find(word, at);
    EXPECT_NE(at, outcome.text.npos) << word << " in" << outcome.text;
  }
  EXPECT_EQ(parse_json(outcome.summary)->at("failed").as_array().size(), 0u) << outcome.summary;
}

TEST_F(WhisperEngine, WhatIsWrongIsNamed) {
  Outcome text, option;
  submit(text, "this is no sound");
  run();
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

// Lets so much more of the file arrive, as hosts do: who waits is told when it is enough.
void arrive(Engine& engine, uint64_t id, Outcome& outcome, std::size_t bytes) {
  if (outcome.ended) return;
  outcome.arrived += std::min(bytes, outcome.held->size() - outcome.arrived);
  const bool all = outcome.arrived == outcome.held->size();
  if (outcome.wanted > 0 && (all || outcome.arrived >= outcome.wanted)) {
    outcome.wanted = 0;
    engine.readable(id);
  }
}

TEST_F(WhisperEngine, AnUploadIsHeardWhileItArrives) {
  std::string pcm;
  for (int clip = 0; clip < 16; ++clip) pcm += reading(clip % 8 + 1);
  std::vector<float> samples(pcm.size() / 2);
  for (std::size_t i = 0; i < samples.size(); ++i)
    samples[i] = float(int16_t(uint8_t(pcm[2 * i]) | uint8_t(pcm[2 * i + 1]) << 8)) / 32768;
  for (const int format : {SF_FORMAT_WAV | SF_FORMAT_PCM_16, SF_FORMAT_FLAC | SF_FORMAT_PCM_16}) {
    const std::string bytes = sound_file(samples, format, 16000, 1);
    Outcome whole;
    submit(whole, bytes, R"({"timestamps":"word"})");
    run();
    ASSERT_TRUE(whole.ended);
    ASSERT_GT(whole.segments.size(), 4u);
    Outcome upload;
    const uint64_t id = submit_arriving(upload, bytes, R"({"timestamps":"word"})");
    std::size_t heard_at = 0;  // bytes that were there when the first text came
    while (!upload.ended) {
      while (engine().step()) {
      }
      if (heard_at == 0 && !upload.segments.empty()) heard_at = upload.arrived;
      arrive(engine(), id, upload, 50'000);
    }
    EXPECT_EQ(upload.error.message, "");
    EXPECT_LT(heard_at, bytes.size() * 3 / 4);
    EXPECT_EQ(upload.segments, whole.segments);
    EXPECT_EQ(upload.text, whole.text);
    EXPECT_EQ(upload.summary, whole.summary);
    EXPECT_EQ(upload.usage, whole.usage);
  }
}

TEST_F(WhisperEngine, AnUploadThatDawdlesIsInNobodysWay) {
  const std::string jfk = file("jfk.flac");
  Outcome slow, quick, broken;
  const uint64_t id = submit_arriving(slow, jfk);
  const uint64_t other = submit_arriving(broken, "this is no sound" + std::string(1 << 20, 'x'));
  arrive(engine(), id, slow, 1000);
  arrive(engine(), other, broken, 1 << 18);
  submit(quick, jfk);
  while (engine().step()) {
  }
  EXPECT_TRUE(quick.ended);
  EXPECT_TRUE(broken.ended) << "there is no use in waiting for the rest";
  EXPECT_EQ(broken.error.param, "audio");
  EXPECT_FALSE(slow.ended);
  EXPECT_FALSE(engine().step()) << "it costs nothing";
  EXPECT_EQ(engine().running(), 1u);
  EXPECT_EQ(engine().waiting(), 1u) << "nor does it take a place";
  arrive(engine(), id, slow, jfk.size());
  run();
  EXPECT_EQ(slow.text, quick.text);
}

// The bytes are the client's, and gone when the request is over: nobody may read them then, least
// of all a thread that reads ahead.
TEST_F(WhisperEngine, NobodyReadsAFileThatIsGone) {
  std::string hour;
  for (int i = 0; i < 20; ++i) hour += reading(1) + reading(2);
  for (int i = 0; i < 20; ++i) {
    Outcome gone, aborted;
    submit(gone, hour, R"({"encoding":"pcm_s16le"})");
    submit(aborted, hour, R"({"encoding":"pcm_s16le"})");
    for (int step = 0; step <= i % 4; ++step) engine().step();
    gone.cancelled = true;
    engine().step();
    EXPECT_EQ(gone.error.code, Code::cancelled);
    engine().abort(error(Code::unavailable, "enough"));
    EXPECT_EQ(aborted.error.code, Code::unavailable);
    EXPECT_EQ(engine().running(), 0u);
  }
}

}  // namespace
}  // namespace serval::whisper
