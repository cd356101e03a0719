#include "plugins/llm/prefix_index.h"

#include <algorithm>
#include <iterator>

namespace serval::llm {

bool PrefixIndex::ByPlace::operator()(const Place& a, const Place& b) const {
  if (a.parent != b.parent) return a.parent < b.parent;
  return std::lexicographical_compare(a.tokens.begin(), a.tokens.end(), b.tokens.begin(),
                                      b.tokens.end());
}

bool PrefixIndex::below(Order::iterator at, int64_t parent) const {
  return at != order_.end() && node(*at).parent == parent;
}

// How many first tokens the block shares with a text.
int PrefixIndex::common(int block, Tokens tokens) const {
  const Tokens held = this->tokens(block);
  const auto end = std::mismatch(held.begin(), held.end(), tokens.begin(), tokens.end()).first;
  return int(end - held.begin());
}

PrefixIndex::Match PrefixIndex::match(const std::string& space, Tokens tokens) const {
  Match match;
  const auto found = spaces_.find(space);
  if (found == spaces_.end()) return match;
  int64_t parent = -1 - found->second.number;
  while (!tokens.empty()) {
    const Tokens next = tokens.first(std::min(tokens.size(), std::size_t(kBlockTokens)));
    const auto after = order_.lower_bound(Place{parent, next});
    if (below(after, parent) && common(*after, next) == kBlockTokens) {
      match.blocks.push_back(*after);
      parent = *after;
      tokens = tokens.subspan(kBlockTokens);
      continue;
    }
    const auto consider = [&](Order::iterator at) {
      if (!below(at, parent)) return;
      const int shared = common(*at, next);
      if (shared > match.tail_tokens) {
        match.tail = *at;
        match.tail_tokens = shared;
      }
    };
    consider(after);
    if (after != order_.begin()) consider(std::prev(after));
    break;
  }
  return match;
}

PrefixIndex::Entered PrefixIndex::enter(const std::string& space, int before, int block,
                                        Tokens tokens) {
  const int64_t parent = before >= 0 ? before : root(space);
  const auto after = order_.lower_bound(Place{parent, tokens});
  if (below(after, parent) && common(*after, tokens) == int(tokens.size()))
    return {node(*after).size == int(tokens.size()) ? *after : -1, -1};
  count_child(parent, 1);
  Entered entered{block, -1};
  // A node whose tokens begin these ones can only stand right before them: what stands between
  // would begin with its tokens too.
  if (after != order_.begin() && below(std::prev(after), parent)) {
    const int shorter = *std::prev(after);
    if (common(shorter, tokens) == node(shorter).size) {
      remove(shorter);
      entered.replaced = shorter;
    }
  }
  Node& n = node(block);
  n.parent = parent;
  n.size = int(tokens.size());
  std::copy(tokens.begin(), tokens.end(), n.tokens);
  order_.insert(block);
  return entered;
}

void PrefixIndex::now_used(int block) {
  Node& n = node(block);
  idle_.erase(n.place);
  n.idle = false;
}

void PrefixIndex::now_idle(int block) {
  Node& n = node(block);
  n.place = idle_.insert(idle_.end(), block);
  n.idle = true;
}

void PrefixIndex::remove(int block) {
  if (node(block).idle) now_used(block);
  order_.erase(block);
  node(block).size = 0;
  count_child(node(block).parent, -1);
}

int PrefixIndex::oldest_idle_leaf() const {
  const auto leaf = [this](int block) { return node(block).children == 0; };
  const auto found = std::find_if(idle_.begin(), idle_.end(), leaf);
  return found == idle_.end() ? -1 : *found;
}

// The parent of a space's first blocks.
int64_t PrefixIndex::root(const std::string& space) {
  const auto [it, is_new] = spaces_.try_emplace(space);
  if (is_new) {
    it->second.number = next_space_++;
    by_number_[it->second.number] = it;
  }
  return -1 - it->second.number;
}

void PrefixIndex::count_child(int64_t parent, int change) {
  if (parent >= 0) {
    node(int(parent)).children += change;
    return;
  }
  const auto number = by_number_.find(-1 - parent);
  const auto space = number->second;
  space->second.children += change;
  if (space->second.children > 0) return;
  spaces_.erase(space);
  by_number_.erase(number);
}

}  // namespace serval::llm
