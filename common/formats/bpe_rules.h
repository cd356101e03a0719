// How a byte-level BPE model treats text before merging, by the name that GGUF files give it.
#pragma once

#include <string_view>

#include "common/formats/pre_tokenizer.h"
#include "common/result.h"

namespace serval {

struct BpeRules {
  PreTokenizer words;
  bool nfc = false;          // text is put into NFC first
  bool whole_words = false;  // a word that is a token needs no merges
  bool adds_bos = false;     // files made before tokenizer.ggml.add_bos_token existed rely on it
};

// name: tokenizer.ggml.pre. Errors: unimplemented, naming it and what is known.
Result<BpeRules> bpe_rules_named(std::string_view name);

}  // namespace serval
