// A sound file in memory, read by libsndfile: WAV and its kin, FLAC, Ogg (Vorbis, Opus, FLAC), MP3,
// AIFF, AU, CAF and what else it knows.
#pragma once

#include <memory>

#include "common/result.h"
#include "plugins/whisper/audio/mono_reader.h"

namespace serval::whisper {

// The bytes must outlive the reader. They are taken as hostile; memory stays within a few MiB
// whatever they claim. Null: this cannot be read before all of it has come. Errors:
// invalid_argument, which names the format as far as it was known; of a file that is not complete
// they mean nothing, unless it `is_refused`.
Result<std::unique_ptr<MonoReader>> open_sound_file(FileBytes file);

// Whether the beginning says that there is no reader for such files.
bool is_refused(std::string_view bytes);

}  // namespace serval::whisper
