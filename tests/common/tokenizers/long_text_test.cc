// A text that is cut gives the tokens of the whole one, although only its beginning may be read.
#include <gtest/gtest.h>

#include "golden_texts.h"

namespace serval {
namespace {

std::string long_text() {
  std::string out;
  const std::vector<std::string> texts = golden_texts();
  for (std::size_t i = 0; out.size() < 60000; i += 7) {
    const std::string& text = texts[i % texts.size()];
    if (text.size() < 2000) out += text + " and then some more words of English 42 ";
  }
  return out;
}

void expect_beginning(const TextEncoding& cut, const TextEncoding& whole, std::size_t most) {
  const std::size_t size = std::min(most, whole.ids.size());
  EXPECT_EQ(cut.truncated, most < whole.ids.size());
  ASSERT_EQ(cut.ids.size(), size);
  EXPECT_TRUE(std::equal(cut.ids.begin(), cut.ids.end(), whole.ids.begin()));
  EXPECT_TRUE(std::equal(cut.offsets.begin(), cut.offsets.end(), whole.offsets.begin()));
}

void expect_end(const TextEncoding& cut, const TextEncoding& whole, std::size_t most) {
  const std::size_t size = std::min(most, whole.ids.size());
  ASSERT_EQ(cut.ids.size(), size);
  EXPECT_TRUE(std::equal(cut.ids.rbegin(), cut.ids.rend(), whole.ids.rbegin()));
}

class LongText : public testing::TestWithParam<const char*> {};

TEST_P(LongText, CutIsPartOfTheWhole) {
  const TextTokenizer tokenizer = golden_tokenizer(GetParam());
  const std::string text = long_text();
  const TextEncoding whole = tokenizer.encode(text, {.add_special = false});
  EXPECT_FALSE(whole.truncated);
  EXPECT_GT(whole.ids.size(), 10000u);
  for (const std::size_t most : {1u, 2u, 3u, 64u, 511u, 512u, 2000u, 1u << 20}) {
    SCOPED_TRACE(most);
    TextEncodeOptions options{.add_special = false, .max_tokens = most};
    expect_beginning(tokenizer.encode(text, options), whole, most);
    options.truncation_side = TruncationSide::left;
    expect_end(tokenizer.encode(text, options), whole, most);
  }
}

// The rules that let the reading stop early must hold at every such place: the text is cut at each
// of many lengths, so that it is tried at many of them.
TEST_P(LongText, EveryCut) {
  const TextTokenizer tokenizer = golden_tokenizer(GetParam());
  const std::string text = long_text();
  const TextEncoding whole = tokenizer.encode(text, {.add_special = false});
  for (std::size_t most = 5; most < 1200; most += 37) {
    SCOPED_TRACE(most);
    expect_beginning(tokenizer.encode(text, {.add_special = false, .max_tokens = most}), whole,
                     most);
  }
}

INSTANTIATE_TEST_SUITE_P(All, LongText, testing::ValuesIn(kGoldenTokenizers), [](const auto& info) {
  std::string name = info.param;
  std::erase(name, '-');
  return name;
});

}  // namespace
}  // namespace serval
