// What the engine needs of a model: tokens in, logits out, keys and values in the cache.
#pragma once

#include <cstdint>
#include <span>

#include "plugins/llm/kv_memory.h"

namespace serval::llm {

// Consecutive tokens of one sequence in one step.
struct ModelSlice {
  const int32_t* tokens;  // [count], each in 0..vocab-1
  int count;
  int position;                 // of tokens[0]; what is before it is in the cache
  std::span<const int> blocks;  // cover position + count tokens
  int logits_from;              // first of the tokens whose logits are wanted: 0..count
};

// What logits are wanted for.
enum class LogitsFor : uint8_t {
  sampling,  // all of them
  greatest,  // the greatest one and its equals: of the others it is enough that they are less
};

// A token's keys, values and logits are bitwise the same in any batch and at any chunking, whoever
// has computed the blocks before it. Writing a token changes nothing of those before it in its
// block, so that a copy of the block can be continued in another way (kv_cache.h).
// Not thread-safe: the engine's thread only.
class LanguageModel {
 public:
  // Most rows logits() computes in one call.
  static constexpr int kLogitRows = 32;

  virtual ~LanguageModel() = default;

  virtual int vocab() const = 0;

  // Computes all slices' tokens and writes their keys and values. At most as many tokens as the
  // model was made for. Returns how many rows of logits are wanted; they are in the slices' order.
  virtual int forward(std::span<const ModelSlice> slices, const KvMemory& kv) = 0;

  // Logits of wanted rows [first, first + count) of the last forward: [count, vocab], valid until
  // the next call. count is at most kLogitRows.
  virtual const float* logits(int first, int count, LogitsFor use = LogitsFor::sampling) = 0;
};

}  // namespace serval::llm
