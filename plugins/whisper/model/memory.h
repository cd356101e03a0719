// What a decoder remembers of one window and of one hypothesis.
#pragma once

#include "plugins/whisper/model/kv_blocks.h"

namespace serval::whisper {

// Cross-attention memory of one window: keys and values of the encoder's states. Movable; frees
// its blocks, so the model must outlive it.
class CrossMemory {
 public:
  int states() const { return table_.length(); }  // that the decoder sees
  void clear() { table_.clear(); }

 private:
  friend class SpeechModel;
  friend class Decoder;
  KvTable table_;
};

// Self-attention memory of one hypothesis: the tokens so far. Movable; as above.
class SelfMemory {
 public:
  int length() const { return table_.length(); }  // tokens
  void clear() { table_.clear(); }
  // Forgets so many of the latest tokens. REQUIRES: tokens <= length()
  void drop(int tokens) { table_.shrink(length() - tokens); }
  // Becomes a copy that goes its own way. Error: resource_exhausted if the model's blocks are used
  // up; this is then empty.
  Status copy_from(const SelfMemory& other) {
    if (table_.copy_from(other.table_)) return {};
    return error(Code::resource_exhausted, "no memory left for another hypothesis");
  }

 private:
  friend class Decoder;
  KvTable table_;
};

}  // namespace serval::whisper
