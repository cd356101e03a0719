// What kind of file bytes look like, for messages to people.
#pragma once

#include <string_view>

namespace serval::whisper {

struct SoundFormat {
  std::string_view name;  // "a WAV file"
  bool readable = true;   // whether libsndfile has a reader for it
};

// By the first bytes; the name is empty for what is not known.
SoundFormat guess_sound_format(std::string_view bytes);

inline constexpr std::string_view kReadableFormats =
    "WAV, FLAC, Ogg (Vorbis or Opus), MP3, AIFF, AU or CAF";

}  // namespace serval::whisper
