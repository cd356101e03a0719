// Byte-level BPE: text to words (pre_tokenizer.h), words to tokens (bpe_merger.h).
#pragma once

#include <memory>

#include "common/formats/text_encoder.h"
#include "common/formats/tokenizer_data.h"
#include "common/formats/vocabulary.h"
#include "common/result.h"

namespace serval {

// `vocabulary` outlives the encoder; `data` is not needed afterwards. Errors: those of
// BpeMerger::build.
Result<std::unique_ptr<TextEncoder>> make_bpe_encoder(const Vocabulary& vocabulary,
                                                      const TokenizerData& data);

}  // namespace serval
