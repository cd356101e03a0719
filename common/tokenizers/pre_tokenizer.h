// Pre-tokenizers: how a text is cut into words before the model cuts these into tokens.
#pragma once

#include <memory>
#include <vector>

#include "common/result.h"
#include "common/tokenizers/component.h"
#include "common/tokenizers/pieces.h"

namespace serval::tok {

// Immutable; apply() may be called from any number of threads.
class PreStep {
 public:
  virtual ~PreStep() = default;
  virtual void apply(Pieces& pieces) const = 0;

  // For a place between a letter or digit and a space (all of ASCII): whether the same is done
  // before it whatever follows, and whether words always end there.
  virtual bool is_local() const { return true; }
  virtual bool cuts_at_spaces() const { return false; }
};

struct PreTokenizerPart {
  std::vector<std::unique_ptr<const PreStep>> steps;
  bool byte_level = false;  // the model gets each byte as a character of its own

  void apply(Pieces& pieces) const {
    for (const auto& step : steps) step->apply(pieces);
  }
};

// part: "pre_tokenizer" of the file, or none. Errors: unimplemented for a type that is not known,
// data_loss for one that is malformed.
Result<PreTokenizerPart> read_pre_tokenizer(Component part);

}  // namespace serval::tok
