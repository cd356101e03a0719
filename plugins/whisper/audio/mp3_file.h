// MP3 in memory, read by libmpg123 itself: libsndfile has it print what is wrong with a file, line
// after line.
#pragma once

#include <memory>
#include <string_view>

#include "common/result.h"
#include "plugins/whisper/audio/mono_reader.h"

namespace serval::whisper {

// The bytes must outlive the reader and are taken as hostile. A stream that changes its rate or
// channels counts as damaged from there. Errors: invalid_argument.
Result<std::unique_ptr<MonoReader>> open_mp3_file(std::string_view bytes);

}  // namespace serval::whisper
