#include "plugins/whisper/decoding/speech_tokenizer.h"

#include "plugins/whisper/decoding/compression_ratio.h"
#include "plugins/whisper/decoding/text_strip.h"
#include "plugins/whisper/decoding/word_splitter.h"
#include "tests/common/formats/test_models.h"
#include "tests/plugins/whisper/decoding/golden.h"

namespace serval::whisper {
namespace {

void expect_cases(const SpeechTokenizer& tokenizer, const json::value& cases) {
  const json::object& special = cases.at("special").as_object();
  const std::pair<const char*, TokenId> got[] = {
      {"sot", tokenizer.special().sot},
      {"eot", tokenizer.special().eot},
      {"transcribe", tokenizer.special().transcribe},
      {"translate", tokenizer.special().translate},
      {"sot_prev", tokenizer.special().sot_prev},
      {"sot_lm", tokenizer.special().sot_lm},
      {"no_speech", tokenizer.special().no_speech},
      {"no_timestamps", tokenizer.special().no_timestamps},
      {"timestamp_begin", tokenizer.special().timestamp_begin}};
  EXPECT_EQ(special.size(), std::size(got));
  for (const auto& [name, id] : got) EXPECT_EQ(special.at(name), id) << name;
  for (const json::value& one : cases.at("encode").as_array())
    EXPECT_EQ(tokenizer.encode(text_of(one.at(0))), row_of<TokenId>(one.at(1))) << one;
  for (const json::value& one : cases.at("decode").as_array()) {
    const auto ids = row_of<TokenId>(one.at(0));
    EXPECT_EQ(tokenizer.decode(ids), text_of(one.at(1))) << one;
    EXPECT_EQ(tokenizer.decode_with_timestamps(ids), text_of(one.at(2))) << one;
  }
  for (const json::value& one : cases.at("words").as_array()) {
    const auto ids = row_of<TokenId>(one.at("tokens"));
    const auto words = split_words(tokenizer, text_of(one.at("language")), ids);
    const json::array& wanted = one.at("words").as_array();
    ASSERT_EQ(words.size(), wanted.size()) << one;
    for (std::size_t i = 0; i < words.size(); ++i) {
      EXPECT_EQ(words[i].text, text_of(wanted[i].at(0))) << one;
      EXPECT_EQ(words[i].tokens, row_of<TokenId>(wanted[i].at(1))) << one;
    }
  }
  const auto list = [](std::span<const TokenId> ids) {
    return std::vector<TokenId>(ids.begin(), ids.end());
  };
  EXPECT_EQ(list(tokenizer.non_speech()), row_of<TokenId>(cases.at("non_speech")));
  EXPECT_EQ(list(tokenizer.blank()), row_of<TokenId>(cases.at("blank")));
}

TEST(SpeechTokenizer, EqualsFasterWhispersOnASmallVocabulary) {
  expect_cases(small_tokenizer(), golden("tokens.json").at("small"));
  EXPECT_TRUE(small_tokenizer().multilingual());
  EXPECT_EQ(small_tokenizer().languages().size(), 4u);
  EXPECT_EQ(small_tokenizer().vocab_size(), 1933);
}

TEST(SpeechTokenizer, EqualsFasterWhispersOnTinyEn) {
  const auto path = test_model_path("whisper-tiny.en");
  SERVAL_NEED_MODEL(path);
  const auto tokenizer = SpeechTokenizer::load(path);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  EXPECT_FALSE(tokenizer->multilingual());
  EXPECT_EQ(tokenizer->languages().size(), 1u);
  EXPECT_EQ(tokenizer->vocab_size(), 51864);
  expect_cases(*tokenizer, golden("tokens.json").at("whisper-tiny.en"));
}

TEST(SpeechTokenizer, EqualsFasterWhispersOnBase) {
  const auto path = test_model_path("whisper-base");
  SERVAL_NEED_LONG_MODEL(path);
  const auto tokenizer = SpeechTokenizer::load(path);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  EXPECT_TRUE(tokenizer->multilingual());
  EXPECT_EQ(tokenizer->languages().size(), 99u);  // no Cantonese yet
  EXPECT_EQ(tokenizer->vocab_size(), 51865);
  expect_cases(*tokenizer, golden("tokens.json").at("whisper-base"));
}

TEST(SpeechTokenizer, SpecialTokensInATextStayText) {
  const SpeechTokenizer& tokenizer = small_tokenizer();
  const std::string text = "a <|endoftext|> b <|en|><|0.00|> <| c";
  const auto ids = tokenizer.encode(text);
  for (const TokenId id : ids) EXPECT_LT(id, tokenizer.special().eot);
  EXPECT_EQ(tokenizer.decode(ids), text);
}

TEST(SpeechTokenizer, NamesTheTokenThatIsAbsent) {
  auto text = golden("tokenizer.json");
  json::array left;
  for (const json::value& added : text.at("added_tokens").as_array())
    if (added.at("content") != "<|startofprev|>") left.push_back(added);
  text.as_object()["added_tokens"] = left;
  auto parsed = TextTokenizer::parse(json::serialize(text), "file");
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  const auto made = SpeechTokenizer::from(std::move(*parsed), {}, "file");
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code, Code::data_loss);
  EXPECT_NE(made.error().message.find("<|startofprev|>"), std::string::npos);
}

TEST(Languages, AreThoseOfOpenAi) {
  const json::value tokens = golden("tokens.json");
  const json::array& wanted = tokens.at("languages").as_array();
  ASSERT_EQ(all_languages().size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(all_languages()[i].code, text_of(wanted[i].at(0)));
    EXPECT_EQ(all_languages()[i].name, text_of(wanted[i].at(1)));
  }
  for (const json::value& one : tokens.at("names").as_array()) {
    const Language* found = find_language(text_of(one.at(0)));
    ASSERT_NE(found, nullptr) << one;
    EXPECT_EQ(found->code, text_of(one.at(1)));
  }
  EXPECT_EQ(find_language("German")->code, "de");
  EXPECT_EQ(find_language("DE")->name, "german");
  EXPECT_EQ(find_language("klingon"), nullptr);
  EXPECT_EQ(find_language(""), nullptr);
}

TEST(CompressionRatio, EqualsPythons) {
  const json::value tokens = golden("tokens.json");
  for (const json::value& one : tokens.at("compression").as_array())
    EXPECT_NEAR(compression_ratio(text_of(one.at(0))), one.at(1).to_number<double>(), 1e-12) << one;
}

TEST(Stripped, TakesUnicodeWhiteSpace) {
  EXPECT_EQ(stripped(" \n a b\u3000\u00a0"), "a b");
  EXPECT_EQ(stripped(" \t"), "");
  EXPECT_EQ(stripped(""), "");
}

}  // namespace
}  // namespace serval::whisper
