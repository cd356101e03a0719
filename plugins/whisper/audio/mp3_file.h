// MP3 in memory, read by libmpg123 itself: libsndfile has it print what is wrong with a file, line
// after line.
#pragma once

#include <memory>

#include "common/result.h"
#include "plugins/whisper/audio/mono_reader.h"

namespace serval::whisper {

// The bytes must outlive the reader and are taken as hostile. It does not mind if more come while
// it reads. A stream that changes its rate or channels counts as damaged from there. Errors:
// invalid_argument.
Result<std::unique_ptr<MonoReader>> open_mp3_file(FileBytes file);

}  // namespace serval::whisper
