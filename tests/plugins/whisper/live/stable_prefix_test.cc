#include "plugins/whisper/live/stable_prefix.h"

#include <gtest/gtest.h>
#include <random>

namespace serval::whisper {
namespace {

using Words = std::vector<std::string>;

TEST(StablePrefix, ShowsWhatTwoHypothesesAgreeOn) {
  StablePrefix prefix;
  EXPECT_FALSE(prefix.hear({" And", " so", " my"}));
  EXPECT_EQ(prefix.text(), "");
  EXPECT_TRUE(prefix.hear({" And", " so", " my", " fell"}));
  EXPECT_EQ(prefix.text(), " And so my");
  EXPECT_TRUE(prefix.hear({" And", " so", " my", " fell", "ow"}));
  EXPECT_EQ(prefix.text(), " And so my fell");
  EXPECT_FALSE(prefix.hear({" And", " so", " my", " fellow"}));  // what is shown stays
  EXPECT_FALSE(prefix.hear({" And", " so", " my", " fellow", " men"}));
  EXPECT_EQ(prefix.text(), " And so my fell");
  prefix.clear();
  EXPECT_EQ(prefix.text(), "");
  EXPECT_FALSE(prefix.hear({" ask"}));
  EXPECT_TRUE(prefix.hear({" Ask", " not"}));
  EXPECT_EQ(prefix.text(), " Ask");
}

TEST(StablePrefix, SpellingIsNoDisagreement) {
  StablePrefix prefix;
  EXPECT_FALSE(prefix.hear({" and", " so", "."}));
  EXPECT_TRUE(prefix.hear({" And", " so", ",", " my", " fellow", "."}));
  EXPECT_EQ(prefix.text(), " And so");  // the comma may still change
  EXPECT_TRUE(prefix.hear({" And", " so", ",", " my", " Fellow", "!"}));
  EXPECT_EQ(prefix.text(), " And so, my Fellow");
  StablePrefix german;
  german.hear({" ÄRZTE", "."});
  EXPECT_TRUE(german.hear({" Ärzte", " sagen"}));
  EXPECT_EQ(german.text(), " Ärzte");
}

TEST(StablePrefix, ACutCharacterEndsAHypothesis) {
  StablePrefix prefix;
  prefix.hear({"你", "好", "\xEF\xBF\xBD"});
  EXPECT_TRUE(prefix.hear({"你", "好", "\xEF\xBF\xBD"}));
  EXPECT_EQ(prefix.text(), "你好");
}

TEST(StablePrefix, EmptyHypothesesShowNothing) {
  StablePrefix prefix;
  EXPECT_FALSE(prefix.hear({}));
  EXPECT_FALSE(prefix.hear({}));
  EXPECT_FALSE(prefix.hear({"...", " -"}));
  EXPECT_FALSE(prefix.hear({"...", " -"}));
  EXPECT_EQ(prefix.text(), "");
}

// Whatever the hypotheses are, a text begins with the one before it, and grows when it is said to.
TEST(StablePrefix, NeverFlickers) {
  std::mt19937 random(5);
  const Words vocabulary{" a", " b", " B", ",", ".", " c", "d", "\xEF\xBF\xBD", " -"};
  int grown = 0;
  for (int round = 0; round < 200; ++round) {
    StablePrefix prefix;
    Words words;
    for (int i = 0; i < 30; ++i) {
      for (std::string& word : words)
        if (random() % 40 == 0) word = vocabulary[random() % vocabulary.size()];
      if (!words.empty() && random() % 3 == 0) words.pop_back();
      for (unsigned n = random() % 3; n > 0; --n)
        words.push_back(vocabulary[random() % vocabulary.size()]);
      const std::string before = prefix.text();
      const bool more = prefix.hear(words);
      EXPECT_EQ(more, prefix.text().size() > before.size());
      EXPECT_TRUE(prefix.text().starts_with(before)) << before << "|" << prefix.text();
      grown += int(more);
    }
  }
  EXPECT_GT(grown, 300);
}

TEST(WordKey, IsWhatSpellingsShare) {
  EXPECT_EQ(word_key(" Don't"), "dont");
  EXPECT_EQ(word_key(" \"So,\""), "so");
  EXPECT_EQ(word_key("。"), "");
  EXPECT_EQ(word_key(" 42"), "42");
}

}  // namespace
}  // namespace serval::whisper
