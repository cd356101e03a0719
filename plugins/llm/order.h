// Who goes first among sequences that want the same step or the same blocks.
//
// By class, then by who must start soonest to meet its deadline, then by age. A class is a priority
// plus the time of arrival in epochs of kEpochNs: a step of priority is worth an epoch of waiting,
// so nobody is overtaken for ever. The order of two sequences never changes while they live, so
// they cannot take each other's blocks by turns.
#pragma once

#include <cstdint>
#include <tuple>

namespace serval::llm {

inline constexpr uint64_t kEpochNs = 4'000'000'000;
inline constexpr uint64_t kNever = UINT64_MAX;

struct Rank {
  int priority = 0;         // lower is more important
  uint64_t arrived_ns = 0;  // any clock, the same for all
  uint64_t latest_start_ns =
      kNever;           // when its first token would just be in time; kNever: no deadline
  uint64_t number = 0;  // of arrival: breaks ties

  int64_t level() const { return priority + int64_t(arrived_ns / kEpochNs); }
};

inline bool before(const Rank& a, const Rank& b) {
  return std::tuple(a.level(), a.latest_start_ns, a.number) <
         std::tuple(b.level(), b.latest_start_ns, b.number);
}

}  // namespace serval::llm
