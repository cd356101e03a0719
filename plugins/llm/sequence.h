// One output under way: a request with n = 3 has three.
#pragma once

#include <climits>
#include <cstdint>
#include <string>
#include <vector>

#include "plugins/llm/order.h"

namespace serval::llm {

// Counts, not states: where a sequence stands follows from its numbers.
struct Sequence {
  std::vector<int32_t> tokens;  // prompt, then output
  int prompt_size = 0;
  int computed = 0;         // tokens whose keys and values are in the cache
  std::vector<int> blocks;  // cover at least `computed` tokens
  int window_begin = 0;     // of `blocks`, those it needs for layers with a window:
  int window_end = 0;       // [window_begin, window_end)

  // The prefix cache's (kv_cache.h).
  std::string space;          // shares cached tokens with sequences of the same space only
  int reusable = INT_MAX;     // of the first tokens only so many may come from the cache
  int cached = -1;            // tokens that did when it was first admitted; -1: it was not yet
  int indexed = 0;            // of `blocks`, the first ones: full, and in the index
  bool tail_entered = false;  // others may copy from the block behind them

  Rank rank;                 // who goes first; the scheduler numbers it
  uint64_t deadline_ns = 0;  // for the request's last token; 0: none
  bool parked = false;       // its reader is slow: runs no step, first to lose its blocks
  bool running = false;      // the scheduler's: has blocks and a place among those that run

  int size() const { return int(tokens.size()); }
  int todo() const {
    return size() - computed;
  }  // 1 in decode, more in a prompt or after preemption
  int output_size() const { return size() - prompt_size; }
};

}  // namespace serval::llm
