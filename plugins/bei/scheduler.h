// Which texts go into the next forward pass. Bookkeeping only: it knows neither texts nor a model.
//
// A request is a flow of texts. Each has a count of the tokens it was given; the flow with the
// lowest count goes first, and a new flow starts at the lowest count there is: so requests share
// the machine alike, however many texts they hold, and a short one is never behind a long one. A
// flow that waits gains on the others, so a stream of new ones cannot hold it up for ever.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

namespace serval::bei {

struct Flow {
  struct Text {
    int item;  // the owner's number of it
    int tokens;
  };

  int priority = 0;       // lower goes first
  uint64_t since_ns = 0;  // since when it waits: it came, or was last given something
  bool parked = false;    // gets nothing: its reader is slow

  // The scheduler's.
  std::deque<Text> ready;
  int64_t given = 0;  // tokens, with what it started at
};

class Scheduler {
 public:
  // tokens_per_step: most tokens of one plan, unless one text alone has more.
  explicit Scheduler(int tokens_per_step) : tokens_per_step_(tokens_per_step) {}

  // The flow stays the caller's, at its place.
  void add(Flow& flow);
  void remove(Flow& flow);
  // One more text that could run.
  void push(Flow& flow, Flow::Text text);
  // Takes all of them back; gives the owner's numbers.
  std::vector<int> take_back(Flow& flow);

  // Who goes first, by priority and count.
  std::vector<Flow*> order(uint64_t now_ns) const;

  struct Pick {
    Flow* flow;
    int item;
  };
  // Takes texts out of the flows' ready queues, the first in order first; what no longer fits lets
  // shorter ones of other flows by, and goes first the next time.
  std::vector<Pick> plan(uint64_t now_ns);

  int64_t ready_tokens() const { return ready_tokens_; }

 private:
  struct Rank {
    int64_t priority;
    int64_t given;
    uint64_t since_ns;
    bool operator<(const Rank& other) const;
  };
  Rank rank(const Flow& flow, uint64_t now_ns) const;

  int tokens_per_step_;
  int64_t ready_tokens_ = 0;
  int64_t floor_ = 0;  // the count new flows start at; never falls
  std::vector<Flow*> flows_;
};

}  // namespace serval::bei
