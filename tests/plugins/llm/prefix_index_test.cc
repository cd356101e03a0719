#include "plugins/llm/prefix_index.h"

#include <gtest/gtest.h>
#include <map>
#include <random>
#include <vector>

namespace serval::llm {
namespace {

using Text = std::vector<int32_t>;

Text run(int32_t first, int count) {
  Text text;
  for (int i = 0; i < count; ++i) text.push_back(first + i);
  return text;
}

Text operator+(Text a, const Text& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(PrefixIndex, FindsFullBlocksAndThePartOfOne) {
  PrefixIndex index(10);
  const Text text = run(0, 3 * kBlockTokens);
  int before = -1;
  for (const int block : {4, 7, 2}) {
    const auto at = std::size_t(index.size()) * kBlockTokens;
    EXPECT_EQ(index.enter("", before, block, Tokens(text).subspan(at, kBlockTokens)).block, block);
    before = block;
  }
  auto match = index.match("", text);
  EXPECT_EQ(match.blocks, (std::vector<int>{4, 7, 2}));
  EXPECT_EQ(match.tail_tokens, 0);
  // One token less: the last block can only be copied from.
  match = index.match("", Tokens(text).first(text.size() - 1));
  EXPECT_EQ(match.blocks, (std::vector<int>{4, 7}));
  EXPECT_EQ(match.tail, 2);
  EXPECT_EQ(match.tail_tokens, kBlockTokens - 1);
  // Another way from the middle of the second block on.
  match = index.match("", run(0, 40) + run(1000, 40));
  EXPECT_EQ(match.blocks, (std::vector<int>{4}));
  EXPECT_EQ(match.tail, 7);
  EXPECT_EQ(match.tail_tokens, 8);
  EXPECT_EQ(index.match("", run(5, 40)).tokens(), 0);
}

TEST(PrefixIndex, SpacesSeeNothingOfEachOther) {
  PrefixIndex index(4);
  const Text text = run(0, kBlockTokens);
  index.enter("a", -1, 0, text);
  EXPECT_EQ(index.match("a", text).tokens(), kBlockTokens);
  EXPECT_EQ(index.match("b", text).tokens(), 0);
  EXPECT_EQ(index.match("", text).tokens(), 0);
  EXPECT_EQ(index.enter("b", -1, 1, text).block, 1);  // not a double
}

TEST(PrefixIndex, OneBlockStandsForTheSameTokens) {
  PrefixIndex index(8);
  const Text text = run(0, kBlockTokens);
  // A tail, a longer one, a shorter one, the whole block, the whole block once more.
  EXPECT_EQ(index.enter("", -1, 0, Tokens(text).first(5)).block, 0);
  const auto longer = index.enter("", -1, 1, Tokens(text).first(9));
  EXPECT_EQ(longer.block, 1);
  EXPECT_EQ(longer.replaced, 0);
  EXPECT_EQ(index.enter("", -1, 2, Tokens(text).first(7)).block, -1);
  EXPECT_FALSE(index.contains(2));
  // The owner of the tail has filled it.
  const auto full = index.enter("", -1, 1, text);
  EXPECT_EQ(full.block, 1);
  EXPECT_EQ(full.replaced, 1);
  EXPECT_EQ(index.tokens(1).size(), std::size_t(kBlockTokens));
  EXPECT_EQ(index.enter("", -1, 3, text).block, 1);
  EXPECT_EQ(index.size(), 1);
}

TEST(PrefixIndex, LeavesAreEvictedInTheOrderOfTheirUse) {
  PrefixIndex index(8);
  index.enter("", -1, 0, run(0, kBlockTokens));
  index.enter("", 0, 1, run(100, kBlockTokens));
  index.enter("", 0, 2, run(200, 3));
  EXPECT_EQ(index.oldest_idle_leaf(), -1);
  index.now_idle(0);
  EXPECT_EQ(index.oldest_idle_leaf(), -1);  // not a leaf
  index.now_idle(1);
  index.now_idle(2);
  index.now_used(1);
  index.now_idle(1);
  std::vector<int> order;
  for (int block; (block = index.oldest_idle_leaf()) >= 0;) {
    index.remove(block);
    order.push_back(block);
  }
  EXPECT_EQ(order, (std::vector<int>{2, 1, 0}));
  EXPECT_EQ(index.size(), 0);
}

// The obvious way: every block with the whole text up to its last token.
class SlowIndex {
 public:
  struct Entry {
    std::string space;
    Text text;
    std::size_t begin;  // of the block's own tokens
    uint64_t idle_since = 0;
  };

  static bool begins(const Text& text, const Text& with) {
    return text.size() >= with.size() && std::equal(with.begin(), with.end(), text.begin());
  }

  // Full blocks found, and the most tokens any block has in common behind them.
  PrefixIndex::Match match(const std::string& space, const Text& text) const {
    PrefixIndex::Match match;
    for (bool found = true; found;) {
      found = false;
      for (const auto& [block, entry] : blocks_) {
        const auto begin = match.blocks.size() * kBlockTokens;
        if (entry.space != space || entry.begin != begin) continue;
        std::size_t common = 0;
        while (common < entry.text.size() && common < text.size() &&
               entry.text[common] == text[common])
          ++common;
        if (common < begin) continue;
        if (common == begin + kBlockTokens) {
          match.blocks.push_back(block);
          match.tail_tokens = 0;
          found = true;
          break;
        }
        match.tail_tokens = std::max(match.tail_tokens, int(common - begin));
      }
    }
    return match;
  }

  void enter(const std::string& space, int block, const Text& text) {
    const std::size_t begin = (text.size() - 1) / kBlockTokens * kBlockTokens;
    std::erase_if(blocks_, [&](const auto& item) {
      const Entry& e = item.second;
      return e.space == space && e.begin == begin && begins(text, e.text);
    });
    blocks_[block] = {space, text, begin};
  }
  bool covers(const std::string& space, const Text& text) const {
    const std::size_t begin = (text.size() - 1) / kBlockTokens * kBlockTokens;
    for (const auto& [block, e] : blocks_)
      if (e.space == space && e.begin == begin && begins(e.text, text)) return true;
    return false;
  }
  bool leaf(int block) const {
    const Entry& mine = blocks_.at(block);
    for (const auto& [other, e] : blocks_)
      if (e.space == mine.space && e.begin == mine.text.size() && begins(e.text, mine.text))
        return false;
    return true;
  }
  int oldest() const {
    int best = -1;
    for (const auto& [block, e] : blocks_)
      if (leaf(block) && (best < 0 || e.idle_since < blocks_.at(best).idle_since)) best = block;
    return best;
  }

  std::map<int, Entry> blocks_;
};

TEST(PrefixIndex, DoesWhatTheObviousWayDoes) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    constexpr int kBlocks = 40;
    PrefixIndex index(kBlocks);
    SlowIndex slow;
    uint64_t clock = 0;
    std::vector<Text> texts{{}};
    const auto some_text = [&] {
      Text text = texts[random() % texts.size()];
      text.resize(text.empty() ? 0 : random() % (text.size() + 1));
      for (int more = int(random() % 80); more >= 0; --more) text.push_back(int(random() % 2));
      return text;
    };
    for (int step = 0; step < 1500; ++step) {
      const std::string space = random() % 4 == 0 ? "other" : "";
      const Text text = some_text();
      if (texts.size() < 30) texts.push_back(text);
      const auto got = index.match(space, text), want = slow.match(space, text);
      ASSERT_EQ(got.blocks, want.blocks);
      ASSERT_EQ(got.tail_tokens, want.tail_tokens);
      if (got.tail_tokens > 0) {
        const Tokens tail = index.tokens(got.tail).first(std::size_t(got.tail_tokens));
        const auto at = text.begin() + std::ptrdiff_t(got.blocks.size() * kBlockTokens);
        ASSERT_TRUE(std::equal(tail.begin(), tail.end(), at));
      }
      if (random() % 3 != 0) {  // the text is computed behind what was found
        int before = got.blocks.empty() ? -1 : got.blocks.back();
        for (auto begin = got.blocks.size() * kBlockTokens; begin < text.size();
             begin += kBlockTokens) {
          if (index.size() >= kBlocks - 1) break;
          const Text whole(text.begin(), text.begin() + std::ptrdiff_t(std::min(
                                                            text.size(), begin + kBlockTokens)));
          int block = 0;
          while (index.contains(block)) ++block;
          const auto entered = index.enter(space, before, block, Tokens(whole).subspan(begin));
          const bool covered = slow.covers(space, whole);
          ASSERT_EQ(entered.block == block, !covered);
          if (covered) break;
          slow.enter(space, block, whole);
          slow.blocks_.at(block).idle_since = ++clock;
          index.now_idle(block);
          before = block;
        }
      }
      if (index.size() > 0 && random() % 5 == 0) {  // a use
        auto at = slow.blocks_.begin();
        std::advance(at, std::ptrdiff_t(random() % slow.blocks_.size()));
        index.now_used(at->first);
        index.now_idle(at->first);
        at->second.idle_since = ++clock;
      }
      for (int evict = int(random() % 3); evict > 0; --evict) {
        const int oldest = index.oldest_idle_leaf();
        ASSERT_EQ(oldest, slow.oldest());
        if (oldest < 0) break;
        index.remove(oldest);
        slow.blocks_.erase(oldest);
      }
      ASSERT_EQ(index.size(), int(slow.blocks_.size()));
    }
  }
}

}  // namespace
}  // namespace serval::llm
