// Unicode normalisation form C, as the reference tokenizers apply it before splitting text.
#pragma once

#include <string>
#include <string_view>

namespace serval {

// Writes the NFC of `text` to `out`. false: the text is in NFC already and `out` is left alone (the
// usual case, found in one quick pass). REQUIRES: valid UTF-8. Cost: n log n at worst.
// Marks that are newer than the reference's Unicode tables stay where they are.
bool normalize_nfc(std::string_view text, std::string& out);

}  // namespace serval
