// SentencePiece's BPE: characters merged by the scores of what they make, bytes for characters that
// are not in the vocabulary.
//
// Gives the ids of the sentencepiece library with byte_fallback and without its text normalisation,
// which GGUF files of this kind do not carry. Unlike there, unused tokens are never made.
#pragma once

#include <memory>

#include "common/formats/text_encoder.h"
#include "common/formats/tokenizer_data.h"
#include "common/formats/vocabulary.h"
#include "common/result.h"

namespace serval {

// `vocabulary` outlives the encoder; `data` is not needed afterwards. Errors: invalid_argument if
// the scores are not one a token or one is not a number.
//
// encode() takes n log n for the longest stretch that tokens could span, in most vocabularies a
// word or two, and at most 50 bytes of memory for each byte of it.
Result<std::unique_ptr<TextEncoder>> make_spm_encoder(const Vocabulary& vocabulary,
                                                      const TokenizerData& data);

}  // namespace serval
