// Pre-tokenizers that write a space before words, or something else for spaces.
#pragma once

#include <string>

#include "common/tokenizers/pre_tokenizer.h"

namespace serval::tok {

// GPT-2's: a space first if wanted, then GPT-2's words if wanted. Bytes are left as they are; the
// model reads each as a character.
class ByteLevelStep final : public PreStep {
 public:
  ByteLevelStep(bool add_space, bool cut) : add_space_(add_space), cut_(cut) {}
  void apply(Pieces& pieces) const override;
  bool cuts_at_spaces() const override { return cut_; }

 private:
  const bool add_space_, cut_;
};

// SentencePiece's: a mark for each space, and one before the text if wanted; words begin at marks.
class Metaspace final : public PreStep {
 public:
  enum class Prefix { never, first, always };  // first: only where the text itself begins
  Metaspace(std::string_view mark, Prefix prefix, bool cut)
      : mark_(mark), prefix_(prefix), cut_(cut) {}
  void apply(Pieces& pieces) const override;
  bool cuts_at_spaces() const override { return cut_; }

 private:
  AlignedText marked(AlignedText piece, bool first) const;

  const std::string mark_;
  const Prefix prefix_;
  const bool cut_;
};

}  // namespace serval::tok
