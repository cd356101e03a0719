#include "common/tokenizers/aligned_text.h"

#include <gtest/gtest.h>

#include "common/tokenizers/normalizers.h"

namespace serval::tok {
namespace {

// The text with the part of the original that each byte came from.
std::string written(const AlignedText& text) {
  std::string out;
  for (std::size_t i = 0; i < text.text.size(); ++i) {
    const ByteSpan span = text.span(i);
    out += text.text[i];
    out += std::to_string(span.begin) + "-" + std::to_string(span.end) + " ";
  }
  return out;
}

TEST(AlignedText, UntouchedBytesAreTheirCharacters) {
  const AlignedText text{"aé", {}, 10};
  EXPECT_EQ(written(text),
            "a10-11 \xC3"
            "11-13 \xA9"
            "11-13 ");
  AlignedText spelt = text;
  spelt.spell_out_spans();
  EXPECT_FALSE(spelt.untouched());
  EXPECT_EQ(written(spelt), written(text));
}

TEST(AlignedText, RewritingTiesNewCharactersToOldOnes) {
  const AlignedText text{"abcd", {}, 0};
  Rewriter out(text);
  out.insert('x');      // nothing before it
  out.replace('A');     // a
  out.insert('y');      // shares a
  out.replace('B', 1);  // b; c goes
  out.keep(1);          // d
  EXPECT_EQ(written(out.finish()), "x0-0 A0-1 y0-1 B1-2 d3-4 ");
}

TEST(AlignedText, RewritingOfARewrittenTextReachesTheOriginal) {
  const AlignedText text{"éb", {}, 0};
  Rewriter first(text);
  first.replace('e');
  first.insert('\'');
  first.keep(1);
  const AlignedText middle = first.finish();
  Rewriter second(middle);
  second.drop(1);
  second.replace('"');
  EXPECT_EQ(written(second.finish()), "\"0-2 ");  // what is left is dropped
}

AlignedText put(std::string text, UnicodeForm form) {
  AlignedText out{std::move(text), {}, 0};
  put_into_form(out, form);
  return out;
}

TEST(AlignedText, NormalForms) {
  EXPECT_TRUE(put("plain é", UnicodeForm::nfc).untouched());
  EXPECT_EQ(written(put("e\u0301x", UnicodeForm::nfc)),
            "\xC3"
            "0-1 \xA9"
            "0-1 x3-4 ");
  EXPECT_EQ(put("é", UnicodeForm::nfd).text, "e\u0301");
  EXPECT_EQ(put("a\u0301\u0323", UnicodeForm::nfd).text, "a\u0323\u0301");
  EXPECT_EQ(put("\u1100\u1161\u11A8", UnicodeForm::nfc).text, "\uAC01");
  EXPECT_EQ(put("ﬁ①", UnicodeForm::nfkc).text, "fi1");
  EXPECT_EQ(put("ﬁ①é", UnicodeForm::nfkd).text, "fi1e\u0301");
  EXPECT_EQ(put("ﬁ", UnicodeForm::nfc).text, "ﬁ");
}

// The worst row of marks must take n log n, not n squared: this would never end.
TEST(AlignedText, LongRowOfMarks) {
  std::string text = "a";
  for (int i = 0; i < 200000; ++i) text += i % 2 == 0 ? "\u0301" : "\u0323";
  const AlignedText sorted = put(text, UnicodeForm::nfd);
  EXPECT_EQ(sorted.text.size(), text.size());
  EXPECT_EQ(sorted.text.substr(0, 5), "a\u0323\u0323");
}

TEST(AlignedText, SmallNormalisers) {
  const auto done = [](const Normalizer& normalizer, std::string text) {
    AlignedText out{std::move(text), {}, 0};
    normalizer.apply(out);
    return written(out);
  };
  EXPECT_EQ(done(StripNormalizer(true, true), " \u3000a b\n"), "a4-5  5-6 b6-7 ");
  EXPECT_EQ(done(StripNormalizer(false, true), " a "), " 0-1 a1-2 ");
  EXPECT_EQ(done(StripNormalizer(true, false), " \n"), "");
  EXPECT_EQ(done(Lowercase(), "AÉ"),
            "a0-1 \xC3"
            "1-3 \xA9"
            "1-3 ");
  EXPECT_EQ(done(Lowercase(), "\u0130"),
            "i0-2 \xCC"
            "0-2 \x87"
            "0-2 ");
  EXPECT_EQ(done(Prepend("xy"), "é"),
            "x0-2 y0-2 \xC3"
            "0-2 \xA9"
            "0-2 ");
  EXPECT_EQ(done(Prepend("xy"), ""), "");
  EXPECT_EQ(done(Nmt(),
                 "a\u200B\x01"
                 "b"),
            "a0-1  1-4 b5-6 ");
  EXPECT_EQ(done(StripAccents(), "e\u0301"), "e0-1 ");
}

}  // namespace
}  // namespace serval::tok
