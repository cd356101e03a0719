#include "plugins/whisper/decoding/decode_options.h"

#include <cmath>

#include "tests/plugins/whisper/decoding/golden.h"

namespace serval::whisper {
namespace {

Result<DecodeOptions> read(const char* text, const SpeechTokenizer& tokenizer = small_tokenizer()) {
  const auto value = parse_json(text);
  EXPECT_TRUE(value.ok()) << text;
  DecodeOptions options;
  JsonReader reader(value->as_object());
  read_decode_options(reader, options);
  if (const Status status = reader.finish(); !status) return status.error();
  if (const Status status = check_decode_options(options, tokenizer); !status)
    return status.error();
  return options;
}

TEST(DecodeOptions, ReadsEveryParameter) {
  const auto got = read(R"({"task":"translate","language":"German","prompt":"p","hotwords":"h",
    "temperature":0.5,"timestamps":"word","beam_size":3,"best_of":4,"patience":1.5,
    "length_penalty":0.5,"no_repeat_ngram_size":2,"repetition_penalty":1.5,"suppress_blank":false,
    "suppress_tokens":[5,-1],"compression_ratio_threshold":2,"log_prob_threshold":-0.5,
    "no_speech_threshold":0.25,"seed":42})");
  ASSERT_TRUE(got.ok()) << got.error().message;
  EXPECT_TRUE(got->translate);
  EXPECT_EQ(got->language, "German");
  EXPECT_EQ(got->initial_prompt, "p");
  EXPECT_EQ(got->hotwords, "h");
  ASSERT_EQ(got->temperatures.size(), 4u);
  EXPECT_FLOAT_EQ(got->temperatures[0], .5f);
  EXPECT_FLOAT_EQ(got->temperatures[1], .7f);
  EXPECT_EQ(got->temperatures[3], 1);
  EXPECT_EQ(got->timestamps, Timestamps::word);
  EXPECT_EQ(got->beam_size, 3);
  EXPECT_EQ(got->best_of, 4);
  EXPECT_EQ(got->patience, 1.5f);
  EXPECT_EQ(got->length_penalty, .5f);
  EXPECT_EQ(got->no_repeat_ngram, 2);
  EXPECT_EQ(got->repetition_penalty, 1.5f);
  EXPECT_FALSE(got->suppress_blank);
  EXPECT_EQ(got->suppress, (std::vector<int>{5, -1}));
  EXPECT_EQ(got->compression_ratio_threshold, 2);
  EXPECT_EQ(got->log_prob_threshold, -.5f);
  EXPECT_EQ(got->no_speech_threshold, .25f);
  EXPECT_EQ(got->seed, 42u);
}

TEST(DecodeOptions, TemperatureZeroIsTheWholeLadder) {
  EXPECT_EQ(read(R"({"temperature":0})")->temperatures.size(), 6u);
  EXPECT_EQ(read("{}")->temperatures.size(), 6u);
  EXPECT_EQ(read(R"({"temperature":1})")->temperatures, std::vector<float>{1});
}

TEST(DecodeOptions, RefusalsNameTheParameter) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"task":"sing"})", "task"},
      {R"({"language":"klingon"})", "language"},
      {R"({"language":"french"})", "language"},  // known, but not to this model
      {R"({"timestamps":"all"})", "timestamps"},
      {R"({"temperature":1.5})", "temperature"},
      {R"({"beam_size":0})", "beam_size"},
      {R"({"best_of":1000})", "best_of"},
      {R"({"patience":0})", "patience"},
      {R"({"beam_size":1,"patience":0.2})", "patience"},
      {R"({"length_penalty":-1})", "length_penalty"},
      {R"({"repetition_penalty":0})", "repetition_penalty"},
      {R"({"no_repeat_ngram_size":-1})", "no_repeat_ngram_size"},
      {R"({"suppress_tokens":[1933]})", "suppress_tokens"},
      {R"({"suppress_tokens":[-2]})", "suppress_tokens"},
      {R"({"suppress_tokens":"-1"})", "suppress_tokens"},
      {R"({"compression_ratio_threshold":-1})", "compression_ratio_threshold"},
      {R"({"log_prob_threshold":1})", "log_prob_threshold"},
      {R"({"no_speech_threshold":2})", "no_speech_threshold"},
      {R"({"seed":-1})", "seed"}};
  for (const auto& [text, param] : cases) {
    const auto got = read(text);
    ASSERT_FALSE(got.ok()) << text;
    EXPECT_EQ(got.error().code, Code::invalid_argument);
    EXPECT_EQ(got.error().param, param) << got.error().message;
  }
}

TEST(DecodeOptions, AnEnglishModelDoesEnglishOnly) {
  EXPECT_TRUE(read(R"({"language":"en"})", english_tokenizer()).ok());
  EXPECT_EQ(read(R"({"language":"de"})", english_tokenizer()).error().param, "language");
  EXPECT_EQ(read(R"({"task":"translate"})", english_tokenizer()).error().param, "task");
}

TEST(DecodeOptions, WhatNoRequestCanSayIsCheckedToo) {
  const auto param = [](auto change) {
    DecodeOptions options;
    change(options);
    const Status status = check_decode_options(options, small_tokenizer());
    return status.ok() ? std::string() : status.error().param;
  };
  EXPECT_EQ(param([](DecodeOptions& o) { o.temperatures.clear(); }), "temperature");
  EXPECT_EQ(param([](DecodeOptions& o) { o.temperatures = {2}; }), "temperature");
  EXPECT_EQ(param([](DecodeOptions& o) { o.max_new_tokens = 449; }), "max_new_tokens");
  EXPECT_EQ(param([](DecodeOptions& o) { o.max_initial_timestamp = 31; }), "max_initial_timestamp");
  EXPECT_EQ(param([](DecodeOptions& o) { o.patience = NAN; }), "patience");
  EXPECT_EQ(param([](DecodeOptions&) {}), "");
}

}  // namespace
}  // namespace serval::whisper
