// The parameters of transcribe and transcribe_stream (docs/requests.md).
#pragma once

#include <optional>
#include <string_view>

#include "plugins/whisper/audio/pcm16.h"
#include "plugins/whisper/decoding/decode_options.h"
#include "plugins/whisper/engine/window_reader.h"

namespace serval::whisper {

struct TranscribeParams {
  DecodeOptions decode;
  CutOptions cut;
  // Each window is shown the text of those before it, so they are decoded one after the other.
  bool condition_on_previous_text = false;
  std::optional<RawPcm> pcm;  // headerless samples; else a file
};

// Errors: invalid_argument, naming the parameter. has_vad: whether the model can find speech.
Result<TranscribeParams> parse_transcribe(std::string_view params_json,
                                          const SpeechTokenizer& tokenizer, bool has_vad);

struct LiveParams {
  TranscribeParams speech;  // with pcm
  bool partials = true;     // texts that may still change, too
};

// Errors: as parse_transcribe.
Result<LiveParams> parse_live(std::string_view params_json, const SpeechTokenizer& tokenizer,
                              bool has_vad);

}  // namespace serval::whisper
