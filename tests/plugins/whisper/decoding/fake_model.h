// A model of tables: its logits are a function of all tokens in a memory, so that a memory in the
// wrong place shows in the result. Also holds the decoder to its promises about slots.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "plugins/whisper/decoding/window_decoder.h"
#include "tests/plugins/whisper/decoding/golden.h"

namespace serval::whisper {

using Ids = std::vector<TokenId>;

class FakeModel {
 public:
  // Fills a row of logits [vocab] for the token after `memory`.
  using Table = std::function<void(const Ids& memory, std::span<float> logits)>;
  static constexpr int kPadding = 5;  // the model's vocabulary is larger than the tokenizer's

  explicit FakeModel(Table table) : table_(std::move(table)) {}

  // Runs one step of the decoder.
  void step(WindowDecoder& decoder) {
    const int vocab = small_tokenizer().vocab_size() + kPadding;
    ASSERT_FALSE(decoder.asks().empty());
    copy_memories(decoder);
    std::vector<std::vector<float>> rows;
    std::vector<float*> pointers;
    for (const Ask& ask : decoder.asks()) {
      Ids& memory = memories_[std::size_t(ask.slot)];
      if (ask.rows == Rows::all) {
        EXPECT_LE(ask.tokens.size(), std::size_t(kMostRows));
      }
      ASSERT_LE(std::size_t(ask.dropped), memory.size());
      memory.resize(memory.size() - std::size_t(ask.dropped));
      rows.emplace_back();
      for (std::size_t i = 0; i < ask.tokens.size(); ++i) {
        memory.push_back(ask.tokens[i]);
        ++tokens_run_;
        if (ask.rows == Rows::none || (ask.rows == Rows::last && i + 1 < ask.tokens.size()))
          continue;
        rows.back().resize(rows.back().size() + std::size_t(vocab), 100);  // padding is tempting
        const std::span<float> row =
            std::span(rows.back()).last(std::size_t(vocab)).first(std::size_t(vocab - kPadding));
        table_(memory, row);
      }
      EXPECT_LE(memory.size(), std::size_t(kTextPositions));
    }
    for (auto& row : rows) pointers.push_back(row.empty() ? nullptr : row.data());
    decoder.answer(pointers, vocab);
    ++steps_;
  }

  const WindowResult& run(WindowDecoder& decoder) {
    while (!decoder.done()) step(decoder);
    return decoder.result();
  }

  int steps() const { return steps_; }
  int tokens_run() const { return tokens_run_; }

 private:
  void copy_memories(const WindowDecoder& decoder) {
    memories_.resize(std::size_t(decoder.slots()));
    std::set<int> slots, sources;
    for (const Ask& ask : decoder.asks()) {
      ASSERT_GE(ask.slot, 0);
      ASSERT_LT(ask.slot, decoder.slots());
      EXPECT_TRUE(slots.insert(ask.slot).second) << "one slot twice";
      if (ask.parent >= 0 && ask.parent != ask.slot) sources.insert(ask.parent);
    }
    for (const Ask& ask : decoder.asks()) {
      if (ask.parent < 0) memories_[std::size_t(ask.slot)].clear();
      if (ask.parent < 0 || ask.parent == ask.slot) continue;
      EXPECT_FALSE(sources.contains(ask.slot)) << "copied into and from";
      memories_[std::size_t(ask.slot)] = memories_[std::size_t(ask.parent)];
    }
  }

  const Table table_;
  std::vector<Ids> memories_;
  int steps_ = 0, tokens_run_ = 0;
};

// 60 likely tokens whose logits depend on the whole memory, the end among them.
inline void hashed_logits(const Ids& memory, std::span<float> logits) {
  uint64_t hash = 1469598103934665603u;
  for (const TokenId token : memory) hash = (hash ^ uint64_t(token)) * 1099511628211u;
  std::fill(logits.begin(), logits.end(), -30.f);
  for (int i = 0; i < 60; ++i) {
    hash = hash * 6364136223846793005u + 1442695040888963407u;
    logits[std::size_t(300 + i)] = float(hash >> 40) / float(1 << 24) * 6;
  }
  logits[std::size_t(small_tokenizer().special().eot)] = memory.size() > 6 ? 4.5f : 0;
}

// Says `script` after the head of the prompt, then the end; each token with this log-odds to all
// others together.
inline FakeModel::Table scripted(Ids script, float sure = 12) {
  return [script, sure](const Ids& memory, std::span<float> logits) {
    const SpecialTokens& special = small_tokenizer().special();
    std::fill(logits.begin(), logits.end(), -sure);
    std::size_t at = memory.size();
    for (std::size_t i = memory.size(); i-- > 0;) {
      const bool text = memory[i] < special.eot || memory[i] >= special.timestamp_begin;
      if (!text) break;
      at = i;
    }
    const std::size_t said = memory.size() - at;
    logits[std::size_t(said < script.size() ? script[said] : special.eot)] = 0;
  };
}

}  // namespace serval::whisper
