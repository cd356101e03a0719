// SentencePiece's compiled table of replacements ("precompiled_charsmap").
#pragma once

#include <memory>
#include <string_view>

#include "common/tokenizers/normalizer.h"

namespace serval::tok {

// encoded: base64 of the table: u32 bytes of the trie, the trie (Darts' double array, u32 a unit),
// the texts it points to, each ended by a zero byte. where: for errors, which are data_loss.
Result<std::unique_ptr<const Normalizer>> make_charsmap(std::string_view encoded,
                                                        const std::string& where);

}  // namespace serval::tok
