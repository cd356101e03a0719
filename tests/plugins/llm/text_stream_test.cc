#include "plugins/llm/text_stream.h"

#include <gtest/gtest.h>
#include <random>

#include "common/formats/tokenizer_gguf.h"
#include "tests/plugins/llm/test_model.h"

namespace serval::llm {
namespace {

using Stops = std::vector<std::string>;

TEST(TextStream, HoldsBackWhatMayBecomeAStop) {
  const Stops stops{"END"};
  TextStream stream(stops);
  std::vector<std::string> notes;
  EXPECT_FALSE(stream.add("abcE", "1"));
  EXPECT_EQ(stream.take(notes), "abc");
  EXPECT_TRUE(notes.empty());  // the token's last byte is still held
  EXPECT_FALSE(stream.add("N", "2"));
  EXPECT_EQ(stream.take(notes), "");
  EXPECT_FALSE(stream.add("x", "3"));
  EXPECT_EQ(stream.take(notes), "ENx");
  EXPECT_EQ(notes, (Stops{"1", "2", "3"}));
  EXPECT_TRUE(stream.add("yEND behind", "4"));
  EXPECT_EQ(stream.take(notes), "y");
}

TEST(TextStream, FindsAStopAcrossTokens) {
  const Stops stops{"\n\nUser:", "###"};
  TextStream stream(stops);
  std::string shown;
  std::vector<std::string> notes;
  bool stopped = false;
  for (const char* token : {"Hi", ".\n", "\nUs", "er", ": more"}) {
    stopped = stream.add(token, "");
    shown += stream.take(notes);
    if (stopped) break;
  }
  EXPECT_TRUE(stopped);
  EXPECT_EQ(shown, "Hi.");
}

TEST(TextStream, TheEarliestStopWins) {
  const Stops stops{"world", "o w"};
  TextStream stream(stops);
  std::vector<std::string> notes;
  EXPECT_TRUE(stream.add("hello world", ""));
  EXPECT_EQ(stream.take(notes), "hell");
}

TEST(TextStream, NeverCutsACharacter) {
  const Stops none;
  TextStream stream(none);
  std::vector<std::string> notes;
  const std::string cat = "\xF0\x9F\x90\x88";
  for (int i = 0; i < 3; ++i) {
    stream.add(cat.substr(std::size_t(i), 1), "n");
    EXPECT_EQ(stream.take(notes), "");
  }
  stream.add(cat.substr(3), "n");
  EXPECT_EQ(stream.take(notes), cat);
  EXPECT_EQ(notes.size(), 4u);
}

TEST(TextStream, ReplacesInvalidBytes) {
  const Stops none;
  TextStream stream(none);
  std::vector<std::string> notes;
  stream.add("a\xFF", "");
  EXPECT_EQ(stream.take(notes), "a\xEF\xBF\xBD");
  stream.add("\xE2\x82", "");
  EXPECT_EQ(stream.take(notes), "");
  stream.end();
  EXPECT_EQ(stream.take(notes), "\xEF\xBF\xBD");
}

// Tokens of single bytes, as SentencePiece spells what it has no token for: whole characters come
// out, each as soon as its last byte is there.
TEST(TextStream, ByteTokensMakeWholeCharacters) {
  const auto file = open_gguf(golden_path("../tokenizer/tiny-spm.gguf"));
  ASSERT_TRUE(file.ok()) << file.error().message;
  const auto tokenizer = tokenizer_from_gguf(*file);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  const std::vector<std::string> characters = {"\u4e16", "\U0001F408", "\u0e2a", "\u07ff"};
  std::vector<std::string> notes, shown;
  const Stops none;
  TextStream stream(none);
  for (const std::string& character : characters) {
    const auto tokens = tokenizer->encode(character);
    ASSERT_EQ(tokens.size(), character.size() + 1) << "a space and bytes";
    for (std::size_t i = 1; i < tokens.size(); ++i) {
      stream.add(tokenizer->decode(tokens[i]), "");
      const std::string text = stream.take(notes);
      EXPECT_EQ(text, i + 1 < tokens.size() ? "" : character);
    }
  }
  // Bytes that make no character: one U+FFFD as soon as that is sure.
  const auto cat = tokenizer->encode("\U0001F408");
  stream.add(tokenizer->decode(cat[1]), "");
  stream.add(tokenizer->decode(cat[2]), "");
  EXPECT_EQ(stream.take(notes), "");
  stream.add("a", "");
  EXPECT_EQ(stream.take(notes), "\uFFFDa");
}

// However the text is cut into tokens, what is shown is the same.
TEST(TextStream, CuttingDoesNotMatter) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (int i = 0; i < 30; ++i) text += "abc\xC3\xA4"[random() % 5];
    const Stops stops{"abca", "cc\xC3\xA4"};
    std::string whole, pieces;
    std::vector<std::string> notes;
    TextStream at_once(stops);
    if (!at_once.add(text, "")) at_once.end();
    whole = at_once.take(notes);
    TextStream cut(stops);
    bool stopped = false;
    std::size_t count = 0, noted = 0;
    for (std::size_t i = 0; i < text.size() && !stopped;) {
      const std::size_t n = 1 + random() % 4;
      stopped = cut.add(text.substr(i, n), "n");
      ++count;
      pieces += cut.take(notes);
      noted += notes.size();
      i += n;
    }
    cut.end();
    pieces += cut.take(notes);
    noted += notes.size();
    ASSERT_EQ(pieces, whole);
    if (!stopped) {
      ASSERT_EQ(noted, count);
    }
  }
}

}  // namespace
}  // namespace serval::llm
