#include "plugins/whisper/decoding/compression_ratio.h"

#include <vector>
#include <zlib.h>

namespace serval::whisper {

double compression_ratio(std::string_view text) {
  if (text.empty()) return 0;
  uLongf size = compressBound(uLong(text.size()));
  std::vector<Bytef> out(size);
  // Room enough was given: nothing can fail but memory.
  if (compress(out.data(), &size, reinterpret_cast<const Bytef*>(text.data()),
               uLong(text.size())) != Z_OK)
    return 0;
  return double(text.size()) / double(size);
}

}  // namespace serval::whisper
