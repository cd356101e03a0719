// libsndfile 1.2 never frees what it holds of a Vorbis stream whose headers are broken: 6 KB for
// each such file somebody sends. So those never get to it.
#pragma once

#include <string_view>

namespace serval::whisper {

// Whether the bytes, an Ogg file, have a Vorbis stream with headers that libvorbis refuses.
bool has_broken_vorbis_headers(std::string_view bytes);

}  // namespace serval::whisper
