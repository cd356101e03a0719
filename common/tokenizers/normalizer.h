// Normalisers: what is done to a text before it is cut into words.
#pragma once

#include <memory>
#include <string>

#include "common/result.h"
#include "common/tokenizers/aligned_text.h"
#include "common/tokenizers/component.h"

namespace serval::tok {

// Immutable; apply() may be called from any number of threads.
class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual void apply(AlignedText& text) const = 0;
  // The same is done to a text that ends between a letter or digit and a space (all of ASCII) as to
  // a longer one that goes on there.
  virtual bool is_local() const { return true; }
};

// part: "normalizer" of the file. nullptr: there is none. Errors: unimplemented for a type that is
// not known, data_loss for one that is malformed.
Result<std::unique_ptr<const Normalizer>> read_normalizer(Component part);

struct BertRules {
  bool clean_text, chinese_characters, strip_accents, lower_case;
};
std::unique_ptr<const Normalizer> make_bert_normalizer(const BertRules& rules);

}  // namespace serval::tok
