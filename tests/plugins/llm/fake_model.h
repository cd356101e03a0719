// A model of whole numbers that looks at every byte it is responsible for.
//
// Token p's key and value are one 64-bit number: a mix of the token, its position and the numbers
// of all tokens before it, read from the KV blocks. A block that was shared wrongly, written twice
// or copied too late therefore changes every number behind it. The logits follow from the number of
// their token. With a window there is a second number in the memory's second layer, which mixes
// those of the window only; both go into the logits.
#pragma once

#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>
#include <vector>

#include "plugins/llm/language_model.h"

namespace serval::llm {

inline uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

// The number of a token behind others, earlier(p) giving theirs.
template <class Earlier>
uint64_t fake_number(int32_t token, int position, Earlier&& earlier, int first = 0) {
  uint64_t sum = mix(uint64_t(token) * 0x9E3779B97F4A7C15u + uint64_t(position));
  for (int p = first; p < position; ++p) sum += earlier(p) * (2 * uint64_t(p) + 3);
  return mix(sum);
}

inline int fake_window_begin(int position, int window) {
  return std::max(position - window + 1, 0);
}

inline void fake_logits(uint64_t number, float* logits, int vocab) {
  for (int token = 0; token < vocab; ++token)
    logits[token] = float(mix(number + uint64_t(token)) >> 48) / 8192.0f;  // 0 to 8
}

class FakeModel final : public LanguageModel {
 public:
  FakeModel(int vocab, int max_tokens, int window = 0)
      : vocab_(vocab), max_tokens_(max_tokens), window_(window) {}

  int vocab() const override { return vocab_; }

  int forward(std::span<const ModelSlice> slices, const KvMemory& kv) override {
    wanted_.clear();
    int tokens = 0;
    for (const ModelSlice& slice : slices) {
      const auto slot = [&](int p, int layer) {
        return kv.at(slice.blocks[std::size_t(p / kBlockTokens)], layer) + p % kBlockTokens * 8;
      };
      const auto number_in = [&](int layer) {
        return [&slot, layer](int p) {
          uint64_t number = 0;
          std::memcpy(&number, slot(p, layer), 8);
          return number;
        };
      };
      for (int i = 0; i < slice.count; ++i, ++tokens) {
        const int p = slice.position + i;
        uint64_t number = fake_number(slice.tokens[i], p, number_in(0));
        std::memcpy(slot(p, 0), &number, 8);
        if (window_ > 0) {
          const uint64_t local =
              fake_number(slice.tokens[i], p, number_in(1), fake_window_begin(p, window_));
          std::memcpy(slot(p, 1), &local, 8);
          number ^= mix(local);
        }
        if (i >= slice.logits_from) wanted_.push_back(number);
      }
    }
    EXPECT_LE(tokens, max_tokens_);
    return int(wanted_.size());
  }

  const float* logits(int first, int count, LogitsFor = LogitsFor::sampling) override {
    rows_.resize(std::size_t(count) * std::size_t(vocab_));
    for (int i = 0; i < count; ++i)
      fake_logits(wanted_[std::size_t(first + i)], rows_.data() + std::ptrdiff_t(i) * vocab_,
                  vocab_);
    return rows_.data();
  }

 private:
  int vocab_, max_tokens_, window_;
  std::vector<uint64_t> wanted_;
  std::vector<float> rows_;
};

}  // namespace serval::llm
