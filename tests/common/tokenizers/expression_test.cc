#include "common/tokenizers/expression.h"

#include <gtest/gtest.h>

namespace serval::tok {
namespace {

// The matches of an expression, "|" behind each.
std::string matches(std::string_view expression, std::string_view text) {
  const Result<Expression> compiled = Expression::compile(expression);
  if (!compiled) return "error: " + compiled.error().message;
  std::string out;
  compiled->each_match(text, [&](std::size_t begin, std::size_t end) {
    out.append(text.substr(begin, end - begin)) += '|';
  });
  return out;
}

TEST(Expression, Literals) {
  EXPECT_EQ(matches("ab", "xabab"), "ab|ab|");
  EXPECT_EQ(matches("a.c", "abc a\nc aéc"), "abc|aéc|");
  EXPECT_EQ(matches(R"(\.\x41\u00e9\x{1F600})", ".Aé😀"), ".Aé😀|");
  EXPECT_EQ(matches("", "a"), "error: the expression matches an empty text");
}

TEST(Expression, FirstAlternativeWinsThenTheLongestRow) {
  EXPECT_EQ(matches("a|ab|abc", "abc"), "a|");
  EXPECT_EQ(matches("ab+|abc", "abbc"), "abb|");
  EXPECT_EQ(matches("(?:ab|a)(?:c|bcd)", "abcd"), "abc|");
  EXPECT_EQ(matches("x(?:a|ab)(?:c|bcd)?", "xabcd"), "xabcd|");
}

TEST(Expression, Repetition) {
  EXPECT_EQ(matches("a{2}", "aaaaa"), "aa|aa|");
  EXPECT_EQ(matches("a{2,}", "aaaaa a"), "aaaaa|");
  EXPECT_EQ(matches("a{1,2}b?", "aaab"), "aa|ab|");
  EXPECT_EQ(matches("a+?b", "aab"), "aab|");
  EXPECT_EQ(matches("a+?", "aa"), "a|a|");
  EXPECT_EQ(matches("(?:ab)*c", "ababc c"), "ababc|c|");
}

TEST(Expression, Classes) {
  EXPECT_EQ(matches("[^\\r\\na-c]+", "xyz\nabcé"), "xyz|é|");
  EXPECT_EQ(matches("[]x-]+", "a]-x"), "]-x|");
  EXPECT_EQ(matches("[\\p{L}\\d]+", "añ1 ٣-"), "añ1|٣|");
  EXPECT_EQ(matches("[^\\s\\p{L}\\p{N}]+", "a1 ?!\u00A0…"), "?!|…|");
  EXPECT_EQ(matches("\\p{Lu}\\p{Ll}*", "ÀbcD"), "Àbc|D|");
  EXPECT_EQ(matches("\\P{L}+", "a12b"), "12|");
  EXPECT_EQ(matches("\\p{^L}+", "a12b"), "12|");
  EXPECT_EQ(matches("[\\S]+", "a b"), "a|b|");
  EXPECT_EQ(matches("\\w+", "a_é b"), "a_é|b|");
}

TEST(Expression, AnchorsAndLookingAhead) {
  EXPECT_EQ(matches("\\s+(?!\\S)|\\s+", "a   b "), "  | | |");
  EXPECT_EQ(matches("a(?=b)", "abac"), "a|");
  EXPECT_EQ(matches("a$", "a\naa"), "a|a|");
  EXPECT_EQ(matches("^a", "aa\na"), "a|a|");
  EXPECT_EQ(matches("\\Aa|a\\z", "aaa"), "a|a|");
}

TEST(Expression, EitherCase) {
  EXPECT_EQ(matches("(?i:'s|É)x?", "'S é 's'\u017Fx"), "'S|é|'s|'\u017Fx|");
  EXPECT_EQ(matches("(?i:a)b", "Ab AB"), "Ab|");
}

TEST(Expression, RefusesWhatItDoesNotKnow) {
  const auto refused = [](std::string_view expression) {
    const Result<Expression> compiled = Expression::compile(expression);
    return compiled ? "accepted" : compiled.error().message;
  };
  EXPECT_EQ(refused("(?<=a)b"),
            "the expression has a group that begins with \"(?<\", which is not supported");
  EXPECT_EQ(refused("a(?!bc)"),
            "the expression has a look ahead at more than one character, which is not supported");
  EXPECT_EQ(refused("(a)\\1"), "the expression has \"\\1\", which is not supported");
  EXPECT_EQ(refused("a++"), "the expression has a possessive quantifier, which is not supported");
  EXPECT_EQ(refused("[a&&b]"), "the expression has a class within a class, which is not supported");
  EXPECT_EQ(refused("\\p{Greek}"), "the expression has \\p{Greek}, which is not supported");
  EXPECT_EQ(refused("(a"), "the expression lacks a \")\"");
  EXPECT_EQ(refused("a)"), "the expression has a \")\" too many");
  EXPECT_EQ(refused("[a"), "the expression lacks a \"]\"");
  EXPECT_EQ(refused("*a"), "the expression repeats nothing");
  EXPECT_EQ(refused("a{2,1}"), "the expression has a {} with bounds that cross");
  EXPECT_EQ(refused("a\\"), "the expression ends in a backslash");
  EXPECT_EQ(refused("a*"), "the expression matches an empty text");
  EXPECT_EQ(refused("a{5000}"), "the expression repeats too often");
  EXPECT_EQ(refused("(?:(?:a{100}){100}){100}"), "the expression is too large");
  EXPECT_EQ(refused(std::string(100, '(') + "a"), "the expression is nested too deeply");
}

// What takes a backtracking matcher longer than the world lasts.
TEST(Expression, NoBacktracking) {
  EXPECT_EQ(matches("(?:a+)+b|x", std::string(20000, 'a') + "x"), "x|");
}

// Every match here wants to see the end of the text first; the work has a bound.
TEST(Expression, WorkIsBounded) {
  const std::string text(60000, 'a');
  const Result<Expression> compiled = Expression::compile("a*b|a");
  ASSERT_TRUE(compiled) << compiled.error().message;
  std::size_t found = 0, last = 0;
  compiled->each_match(text, [&](std::size_t begin, std::size_t end) {
    EXPECT_EQ(begin, last);
    last = end;
    ++found;
  });
  EXPECT_GT(found, 100u);
  EXPECT_LT(found, text.size());
}

}  // namespace
}  // namespace serval::tok
