// Which blocks of the KV cache hold which tokens: the index of the prefix cache.
//
// A tree. A node is a block with the tokens it holds; its parent holds the tokens before them. Only
// a leaf may hold fewer than kBlockTokens. Below one parent no node's tokens begin another's, and
// the children are kept in lexicographic order: the block that shares the most first tokens with a
// text is then a neighbour of the place where the text would stand. Tokens are compared, never only
// hashed, so nothing a client sends can bring it another one's keys and values.
//
// Each space has a tree of its own: what one has cached is never found from another.
//
// A block is idle when no sequence uses it; idle blocks stand in the order of their last use.
//
// Pure bookkeeping. Not thread-safe: the engine's thread only.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "plugins/llm/block_pool.h"

namespace serval::llm {

using Tokens = std::span<const int32_t>;

class PrefixIndex {
 public:
  explicit PrefixIndex(int blocks) : nodes_(std::size_t(blocks)) {}
  PrefixIndex(const PrefixIndex&) = delete;  // order_ points at it
  PrefixIndex& operator=(const PrefixIndex&) = delete;

  // What the cache has of a text.
  struct Match {
    std::vector<int> blocks;  // full ones, from its beginning
    int tail = -1;            // the first tail_tokens tokens of this block come next; -1: none
    int tail_tokens = 0;

    int tokens() const { return int(blocks.size()) * kBlockTokens + tail_tokens; }
  };
  Match match(const std::string& space, Tokens tokens) const;

  // What became of a block that was to enter.
  struct Entered {
    int block;     // the block that stands for the tokens now; -1: a longer one has them
    int replaced;  // a block that has left because `block` holds its tokens and more, or -1
  };
  // The block holds `tokens`, at most kBlockTokens, behind those of `before` (a full block in the
  // tree, or -1: at the beginning of the space). If they stand there already, that block is
  // returned. The block enters as one that is in use.
  Entered enter(const std::string& space, int before, int block, Tokens tokens);

  void now_used(int block);  // it was idle
  void now_idle(int block);  // it was in use: last in the line of those that may be evicted
  // The idle leaf that was not used for longest, or -1: the next to be evicted. A sequence that
  // uses a block uses those before it too and lets go of the last first, so it is nearly always
  // the first in line.
  int oldest_idle_leaf() const;
  // REQUIRES: the block is a leaf.
  void remove(int block);
  const std::list<int>& idle() const { return idle_; }  // oldest first

  bool contains(int block) const { return node(block).size > 0; }
  Tokens tokens(int block) const {
    return Tokens(node(block).tokens, std::size_t(node(block).size));
  }
  // Blocks in the index.
  int size() const { return int(order_.size()); }

 private:
  struct Node {
    int64_t parent = 0;  // a block; below 0: -1 - a space's number
    int size = 0;        // tokens; 0: not in the index
    int children = 0;
    bool idle = false;
    std::list<int>::iterator place;  // in idle_, if idle
    int32_t tokens[kBlockTokens];
  };
  struct Place {
    int64_t parent;
    Tokens tokens;
  };
  struct ByPlace {
    using is_transparent = void;
    const PrefixIndex* index;
    bool operator()(int a, int b) const { return (*this)(index->place(a), index->place(b)); }
    bool operator()(int a, const Place& b) const { return (*this)(index->place(a), b); }
    bool operator()(const Place& a, int b) const { return (*this)(a, index->place(b)); }
    bool operator()(const Place& a, const Place& b) const;
  };
  struct Space {
    int64_t number = 0;
    int children = 0;
  };
  using Spaces = std::map<std::string, Space>;
  using Order = std::set<int, ByPlace>;

  Node& node(int block) { return nodes_[std::size_t(block)]; }
  const Node& node(int block) const { return nodes_[std::size_t(block)]; }
  Place place(int block) const { return {node(block).parent, tokens(block)}; }
  bool below(Order::iterator at, int64_t parent) const;
  int common(int block, Tokens tokens) const;
  int64_t root(const std::string& space);
  void count_child(int64_t parent, int change);

  std::vector<Node> nodes_;  // by block
  Order order_{ByPlace{this}};
  std::list<int> idle_;  // oldest first
  Spaces spaces_;        // those that have blocks
  std::map<int64_t, Spaces::iterator> by_number_;
  int64_t next_space_ = 0;
};

}  // namespace serval::llm
