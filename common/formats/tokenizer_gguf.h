// The tokenizer of a GGUF file, from its tokenizer.ggml.* keys.
#pragma once

#include "common/formats/gguf.h"
#include "common/formats/tokenizer.h"

namespace serval {

// The views in it are into the file. Errors: unimplemented for a tokenizer or pre-tokenizer this
// build does not know (by name), invalid_argument for keys of a wrong type, not_found for missing
// ones.
Result<TokenizerData> read_tokenizer_data(const GgufFile& file);

// The same and those of Tokenizer::build. `file` is not needed afterwards.
Result<Tokenizer> tokenizer_from_gguf(const GgufFile& file);

}  // namespace serval
