#include "plugins/whisper/decoding/window_decoder.h"

#include <random>

#include "tests/plugins/whisper/decoding/fake_model.h"

namespace serval::whisper {
namespace {

const SpecialTokens& special() { return small_tokenizer().special(); }

DecodeOptions english() {
  DecodeOptions options;
  options.language = "en";
  return options;
}

Ids text(const char* words) { return small_tokenizer().encode(words); }

Ids loop(int times) {
  Ids out;
  for (int i = 0; i < times; ++i)
    for (const TokenId id : text(" la")) out.push_back(id);
  return out;
}

// A table for each attempt; one begins when the start token is run.
FakeModel::Table by_attempt(std::vector<FakeModel::Table> tables) {
  return [tables, attempt = std::make_shared<int>(-1)](const Ids& memory, std::span<float> logits) {
    if (memory.back() == special().sot) ++*attempt;
    tables[std::min(std::size_t(*attempt), tables.size() - 1)](memory, logits);
  };
}

FakeModel::Table with_no_speech(float logit, FakeModel::Table table) {
  return [=](const Ids& memory, std::span<float> logits) {
    table(memory, logits);
    logits[std::size_t(special().no_speech)] = logit;
  };
}

TEST(WindowDecoder, GreedyText) {
  const Ids said = text(" my fellow Americans");
  FakeModel model(scripted(said));
  WindowDecoder decoder(small_tokenizer(), english(), ops(), {});
  const WindowResult& result = model.run(decoder);
  EXPECT_EQ(result.verdict, Verdict::good);
  EXPECT_EQ(result.tokens, said);
  EXPECT_EQ(result.language, "en");
  EXPECT_EQ(result.language_prob, 1);
  EXPECT_EQ(result.attempts, 1);
  EXPECT_EQ(result.temperature, 0);
  EXPECT_FALSE(result.silent);
  EXPECT_NEAR(result.avg_logprob, 0, .05);
  EXPECT_EQ(model.steps(), 1 + int(said.size()));  // the head is one step
}

TEST(WindowDecoder, AnEnglishModelIsShownTheStartOnly) {
  FakeModel model(scripted(text(" my")));
  WindowDecoder decoder(english_tokenizer(), {}, ops(), {});
  ASSERT_EQ(decoder.asks().size(), 1u);
  const auto tokens = decoder.asks()[0].tokens;
  EXPECT_EQ(Ids(tokens.begin(), tokens.end()), (Ids{special().sot, special().no_timestamps}));
  EXPECT_EQ(model.run(decoder).language, "en");
}

TEST(WindowDecoder, DetectsTheLanguage) {
  const LanguageToken* german = small_tokenizer().find_language_token("de");
  const Ids said = text(" my");
  bool seen = false;
  FakeModel model([&](const Ids& memory, std::span<float> logits) {
    scripted(said)(memory, logits);
    if (memory.size() == 1) {
      logits[std::size_t(german->id)] = 3;
      logits[std::size_t(german->id + 1)] = 3 - std::log(3.f);
      logits[400] = 50;  // not a language
    } else {
      EXPECT_EQ(memory[0], special().sot);  // once
      EXPECT_EQ(memory[1], german->id);
      seen = true;
    }
  });
  WindowDecoder decoder(small_tokenizer(), {}, ops(), {});
  const WindowResult& result = model.run(decoder);
  EXPECT_TRUE(seen);
  EXPECT_EQ(result.language, "de");
  EXPECT_NEAR(result.language_prob, .75, .01);
  EXPECT_EQ(result.tokens, said);
}

TEST(WindowDecoder, EarlierTextComesBeforeTheStart) {
  for (const char* language : {"", "en"}) {
    DecodeOptions options = english();
    options.language = language;
    Window window;
    window.previous = text(" so");
    const Prompt prompt = build_prompt(
        small_tokenizer(), options, small_tokenizer().find_language_token("en"), window.previous);
    Ids want = prompt.context;
    want.insert(want.end(), prompt.head.begin(), prompt.head.end());
    int seen = 0;
    FakeModel model([&](const Ids& memory, std::span<float> logits) {
      scripted(text(" my"))(memory, logits);
      if (memory.back() == special().sot)
        logits[std::size_t(small_tokenizer().find_language_token("en")->id)] = 1;
      if (memory.size() == want.size()) {
        EXPECT_EQ(memory, want);
        ++seen;
      }
    });
    WindowDecoder decoder(small_tokenizer(), options, ops(), window);
    EXPECT_EQ(model.run(decoder).tokens, text(" my"));
    EXPECT_EQ(seen, 1);
  }
}

TEST(WindowDecoder, ThePrefixBeginsTheResult) {
  DecodeOptions options = english();
  options.timestamps = Timestamps::segment;
  options.prefix = "my";
  Ids said{special().timestamp_begin};
  for (const TokenId id : text(" my fellow")) said.push_back(id);
  said.push_back(special().timestamp_begin + 50);
  FakeModel model(scripted(said));
  WindowDecoder decoder(small_tokenizer(), options, ops(), {});
  const WindowResult& result = model.run(decoder);
  EXPECT_EQ(result.tokens, said);
  EXPECT_EQ(model.tokens_run(), 3 + int(said.size()));
}

TEST(WindowDecoder, ALoopClimbsTheLadder) {
  FakeModel model(by_attempt({scripted(loop(60)), scripted(loop(60)), scripted(text(" my"))}));
  WindowDecoder decoder(small_tokenizer(), english(), ops(), {});
  const WindowResult& result = model.run(decoder);
  EXPECT_EQ(result.verdict, Verdict::good);
  EXPECT_EQ(result.tokens, text(" my"));
  EXPECT_EQ(result.attempts, 3);
  EXPECT_FLOAT_EQ(result.temperature, .4f);
}

TEST(WindowDecoder, AGuessClimbsTheLadderToo) {
  DecodeOptions options = english();
  options.best_of = 1;
  FakeModel model(by_attempt({scripted(text(" my"), 3), scripted(text(" fellow"))}));
  WindowDecoder decoder(small_tokenizer(), options, ops(), {});
  const WindowResult& result = model.run(decoder);
  EXPECT_EQ(result.tokens, text(" fellow"));
  EXPECT_EQ(result.attempts, 2);
}

TEST(WindowDecoder, WhatNeverPassesIsDegraded) {
  DecodeOptions options = english();
  options.temperatures = {0, .01f};
  FakeModel model(by_attempt({scripted(text(" my"), 3.2f), scripted(text(" fellow"), 3)}));
  WindowDecoder decoder(small_tokenizer(), options, ops(), {});
  const WindowResult& result = model.run(decoder);
  EXPECT_EQ(result.verdict, Verdict::degraded);
  EXPECT_EQ(result.tokens, text(" my"));  // the likelier of the two
  EXPECT_FLOAT_EQ(result.temperature, .01f);
  EXPECT_NE(result.why.find("not sure"), std::string::npos) << result.why;
}

TEST(WindowDecoder, LoopsAtEveryTemperatureFail) {
  FakeModel model(scripted(loop(60)));
  WindowDecoder decoder(small_tokenizer(), english(), ops(), {});
  const WindowResult& result = model.run(decoder);
  EXPECT_EQ(result.verdict, Verdict::failed);
  EXPECT_EQ(result.attempts, 6);
  EXPECT_NE(result.why.find("repeats itself"), std::string::npos) << result.why;
  EXPECT_GT(result.compression_ratio, 2.4f);
}

TEST(WindowDecoder, LogitsThatAreNoNumbersFail) {
  for (int beams : {1, 4}) {
    DecodeOptions options = english();
    options.beam_size = beams;
    FakeModel model(
        [](const Ids&, std::span<float> logits) { std::fill(logits.begin(), logits.end(), NAN); });
    WindowDecoder decoder(small_tokenizer(), options, ops(), {});
    const WindowResult& result = model.run(decoder);
    EXPECT_EQ(result.verdict, Verdict::failed);
    EXPECT_TRUE(result.tokens.empty());
    EXPECT_FALSE(result.why.empty());
  }
}

TEST(WindowDecoder, SilenceIsNoFailure) {
  DecodeOptions options = english();
  FakeModel model(with_no_speech(5, scripted(text(" my"), 3)));
  WindowDecoder decoder(small_tokenizer(), options, ops(), {});
  const WindowResult& result = model.run(decoder);
  EXPECT_EQ(result.verdict, Verdict::good);
  EXPECT_TRUE(result.silent);
  EXPECT_EQ(result.attempts, 1);
  EXPECT_GT(result.no_speech_prob, .6f);
}

TEST(WindowDecoder, SureTextIsSpeechWhateverTheModelSaysOfSilence) {
  FakeModel model(with_no_speech(5, scripted(text(" my"))));
  WindowDecoder decoder(small_tokenizer(), english(), ops(), {});
  EXPECT_FALSE(model.run(decoder).silent);
}

Window without_padding(double seconds) {
  Window window;
  window.seconds = seconds;
  window.full_padding = false;
  return window;
}

TEST(WindowDecoder, ARunawayWithoutPaddingIsTriedWithIt) {
  FakeModel model(by_attempt({scripted(loop(100)), scripted(text(" my"))}));
  WindowDecoder decoder(small_tokenizer(), english(), ops(), without_padding(2));
  EXPECT_EQ(model.run(decoder).verdict, Verdict::retry_full_padding);
  EXPECT_LE(model.steps(), 8 * 2 + 10 + 2);  // not to the end of the loop
  decoder.restart();
  ASSERT_FALSE(decoder.done());
  const WindowResult& result = model.run(decoder);
  EXPECT_EQ(result.verdict, Verdict::good);
  EXPECT_EQ(result.tokens, text(" my"));
  EXPECT_EQ(result.temperature, 0);  // the ladder begins only now
}

TEST(WindowDecoder, LoopsGuessesAndSilenceWithoutPaddingAreTriedWithIt) {
  for (const FakeModel::Table& table : {scripted(loop(60)), scripted(text(" my"), 3),
                                        with_no_speech(5, scripted(text(" my"), 3))}) {
    FakeModel model(table);
    WindowDecoder decoder(small_tokenizer(), english(), ops(), without_padding(29));
    EXPECT_EQ(model.run(decoder).verdict, Verdict::retry_full_padding);
  }
  FakeModel model(scripted(text(" my")));
  WindowDecoder decoder(small_tokenizer(), english(), ops(), without_padding(29));
  EXPECT_EQ(model.run(decoder).verdict, Verdict::good);
}

TEST(WindowDecoder, SlotsAreThoseOfTheWidestSearch) {
  DecodeOptions options = english();
  EXPECT_EQ(WindowDecoder(small_tokenizer(), options, ops(), {}).slots(), 5);
  options.beam_size = 8;
  EXPECT_EQ(WindowDecoder(small_tokenizer(), options, ops(), {}).slots(), 8);
  options.temperatures = {0};
  options.beam_size = 1;
  EXPECT_EQ(WindowDecoder(small_tokenizer(), options, ops(), {}).slots(), 1);
}

// Whatever the draft is, the result is the same; a good one saves steps.
TEST(WindowDecoder, ADraftSavesStepsAndChangesNothing) {
  std::mt19937 random(17);
  DecodeOptions options = english();
  options.max_new_tokens = 60;
  options.temperatures = {0};
  options.log_prob_threshold = -100;
  options.compression_ratio_threshold = 100;
  FakeModel plain(hashed_logits);
  WindowDecoder without(small_tokenizer(), options, ops(), {});
  const WindowResult want = plain.run(without);
  ASSERT_GT(want.tokens.size(), 8u);
  for (int round = 0; round < 200; ++round) {
    Window window;
    window.draft = want.tokens;
    for (int changes = round % 5; changes > 0; --changes) {
      const std::size_t at = random() % window.draft.size();
      const auto place = window.draft.begin() + std::ptrdiff_t(at);
      if (random() % 3 == 0)
        *place = TokenId(300 + random() % 60);
      else if (random() % 2 == 0)
        window.draft.erase(place);
      else
        window.draft.insert(place, TokenId(300 + random() % 60));
    }
    FakeModel model(hashed_logits);
    WindowDecoder decoder(small_tokenizer(), options, ops(), std::move(window));
    const WindowResult& got = model.run(decoder);
    EXPECT_EQ(got.tokens, want.tokens);
    EXPECT_EQ(got.avg_logprob, want.avg_logprob);
    EXPECT_EQ(got.verdict, want.verdict);
    EXPECT_LE(model.steps(), plain.steps());
    if (round % 5 == 0) {
      EXPECT_LE(model.steps(), 3 + int(want.tokens.size() + 1) / kMostRows + 1);
    }
  }
}

}  // namespace
}  // namespace serval::whisper
