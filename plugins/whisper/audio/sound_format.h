// What kind of file bytes look like: for messages to people, and to tell MP3 from the rest.
#pragma once

#include <cstdint>
#include <string_view>

namespace serval::whisper {

struct SoundFormat {
  std::string_view name;  // "a WAV file"
  bool readable = true;   // whether there is a reader for it
  bool mp3 = false;
  bool forward = false;  // its reader needs nothing of the end, so it may read while bytes arrive
};

// By the first bytes, those of an ID3 tag left out; the name is empty for what is not known.
SoundFormat guess_sound_format(std::string_view bytes);

// Where the samples of a WAV file end by its header, as far as that has come; -1: they have not
// begun.
int64_t wav_data_end(std::string_view bytes);

inline constexpr std::string_view kReadableFormats =
    "WAV, FLAC, Ogg (Vorbis or Opus), MP3, AIFF, AU or CAF";

}  // namespace serval::whisper
