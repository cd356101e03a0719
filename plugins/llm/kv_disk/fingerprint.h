// All that keys and values depend on besides the tokens: two processes with the same fingerprint
// compute the same bytes.
#pragma once

#include "common/formats/gguf.h"
#include "common/sha256.h"
#include "plugins/llm/language_model.h"

namespace serval::llm {

// What the file holds, and what the model makes of it here: the keys and values of some fixed
// tokens, which tell one version or set of kernels from another. Overwrites block 0 of the memory.
//   kernels       the table's name
//   most_tokens   of one forward pass
//   context       most tokens of a sequence
Digest kv_fingerprint(const GgufFile& file, LanguageModel& model, KvMemory& kv,
                      std::string_view kernels, int most_tokens, int context);

}  // namespace serval::llm
