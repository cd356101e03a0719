#include "plugins/whisper/decoding/prompt.h"

#include "tests/plugins/whisper/decoding/golden.h"

namespace serval::whisper {
namespace {

using Ids = std::vector<TokenId>;

Ids joined(std::initializer_list<Ids> parts) {
  Ids out;
  for (const Ids& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

TEST(Prompt, ShowsLanguageAndTask) {
  const SpeechTokenizer& tokenizer = small_tokenizer();
  const SpecialTokens& special = tokenizer.special();
  const LanguageToken* german = tokenizer.find_language_token("german");
  DecodeOptions options;
  EXPECT_EQ(build_prompt(tokenizer, options, german, {}).head,
            (Ids{special.sot, german->id, special.transcribe, special.no_timestamps}));
  options.translate = true;
  options.timestamps = Timestamps::segment;
  EXPECT_EQ(build_prompt(tokenizer, options, german, {}).head,
            (Ids{special.sot, german->id, special.translate}));
  EXPECT_EQ(build_prompt(english_tokenizer(), options, nullptr, {}).head, Ids{special.sot});
}

TEST(Prompt, ShowsEarlierText) {
  const SpeechTokenizer& tokenizer = small_tokenizer();
  const TokenId before = tokenizer.special().sot_prev;
  DecodeOptions options;
  EXPECT_TRUE(build_prompt(tokenizer, options, nullptr, {}).context.empty());
  options.initial_prompt = "  my fellow\n";
  options.hotwords = "Americans";
  const Ids previous{300, 301};
  EXPECT_EQ(
      build_prompt(tokenizer, options, nullptr, previous).context,
      joined({{before}, tokenizer.encode(" Americans"), tokenizer.encode(" my fellow"), previous}));
  options.prefix = "so";  // says more about what is spoken than hotwords do
  EXPECT_EQ(build_prompt(tokenizer, options, nullptr, {}).context,
            joined({{before}, tokenizer.encode(" my fellow")}));
}

TEST(Prompt, KeepsTheEndOfWhatIsTooLong) {
  DecodeOptions options;
  Ids previous(1000, 300);
  previous.back() = 301;
  Prompt prompt = build_prompt(small_tokenizer(), options, nullptr, previous);
  EXPECT_EQ(prompt.context.size(), 224u);
  EXPECT_EQ(prompt.context.back(), 301);
  for (int i = 0; i < 20000; ++i) options.hotwords += "fellow ";
  options.initial_prompt = options.hotwords + "end";
  prompt = build_prompt(small_tokenizer(), options, nullptr, {});
  EXPECT_EQ(prompt.context.size(), 224u);
  const Ids end = small_tokenizer().encode(" end");
  EXPECT_TRUE(std::equal(end.rbegin(), end.rend(), prompt.context.rbegin()));
}

TEST(Prompt, PrefixBeginsWithItsTime) {
  DecodeOptions options;
  options.prefix = " so ";
  const Ids so = small_tokenizer().encode(" so");
  EXPECT_EQ(build_prompt(small_tokenizer(), options, nullptr, {}).prefix, so);
  options.timestamps = Timestamps::word;
  EXPECT_EQ(build_prompt(small_tokenizer(), options, nullptr, {}).prefix,
            joined({{small_tokenizer().special().timestamp_begin}, so}));
}

TEST(Prompt, AResultFitsThePositions) {
  DecodeOptions options;
  const LanguageToken* language = small_tokenizer().find_language_token("en");
  EXPECT_EQ(build_prompt(small_tokenizer(), options, language, {}).most_tokens(options), 224);
  Prompt prompt = build_prompt(small_tokenizer(), options, language, Ids(1000, 300));
  EXPECT_EQ(prompt.most_tokens(options), 448 - (224 + 4 - 1));
  options.max_new_tokens = 10;
  EXPECT_EQ(prompt.most_tokens(options), 10);
  options.prefix = "so so so";
  prompt = build_prompt(small_tokenizer(), options, language, {});
  EXPECT_EQ(prompt.most_tokens(options), 10 + int(prompt.prefix.size()));
  options.prefix = std::string(100000, 'x');
  prompt = build_prompt(small_tokenizer(), options, language, Ids(1000, 300));
  options.max_new_tokens = 0;
  EXPECT_LT(int(prompt.prefix.size()), prompt.most_tokens(options));
}

TEST(PreviousText, ForgetsWhatWasGuessed) {
  PreviousText text;
  text.add(Ids{1, 2}, 0);
  text.add(Ids{3}, .4f);
  EXPECT_EQ(Ids(text.tokens().begin(), text.tokens().end()), (Ids{1, 2, 3}));
  text.add(Ids{4}, .6f);
  EXPECT_TRUE(text.tokens().empty());
  text.add(Ids(5000, 7), 0);
  EXPECT_LE(text.tokens().size(), std::size_t(kTextPositions));
}

}  // namespace
}  // namespace serval::whisper
