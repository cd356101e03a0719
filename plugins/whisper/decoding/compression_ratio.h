// How repetitive a text is.
#pragma once

#include <string_view>

namespace serval::whisper {

// Bytes of the text by bytes of it compressed with zlib at its default level; 0 for no text.
// Ordinary speech has 1 to 2, loops have 3 and more.
double compression_ratio(std::string_view text);

}  // namespace serval::whisper
