// The JSON of the transcribe, transcribe_stream and describe operations (docs/requests.md).
#pragma once

#include <string>

#include "plugins/whisper/engine/job.h"

namespace serval::whisper {

// meta_json of a segment's event.
std::string segment_json(const Segment& segment, int id, const WindowWork& work,
                         Timestamps timestamps);
// That of a live text; seconds. degraded: of a final one.
std::string live_json(bool final, double start, double end, bool degraded = false);
// The last event.
std::string summary_json(const Job& job, const SpeechTokenizer& tokenizer);
std::string usage_json(const Job& job);
std::string description_json(const SpeechTokenizer& tokenizer, const char* dtype, bool vad);

}  // namespace serval::whisper
