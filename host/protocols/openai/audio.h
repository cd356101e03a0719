// POST /v1/audio/transcriptions and /v1/audio/translations, and the WebSocket
// /v1/audio/transcriptions/stream.
#pragma once

#include <string>
#include <string_view>

#include "common/json_reader.h"
#include "host/protocols/openai/routes.h"
#include "host/protocols/openai/transcript.h"

namespace serval::host {

// A form, checked and turned into parameters of `transcribe`.
struct TranscriptionParams {
  std::string model;
  json::object plugin;
  TranscriptForm form;
  bool stream = false;
  Request::Window file;  // in the body
};

// body: a form with this Content-Type. The field is in `param` of an error; a Content-Type that is
// no form is failed_precondition.
Result<TranscriptionParams> parse_transcription(std::string_view content_type,
                                                std::string_view body, bool translate);

// Reads what both have: options of `transcribe` under their own names.
void read_speech_options(JsonReader& reader, json::object& plugin);

// The first message of a live stream, checked and turned into parameters of `transcribe_stream`.
struct LiveParams {
  std::string model;
  json::object plugin;
  int64_t bytes_per_second = 0;  // of audio
};
Result<LiveParams> parse_live(std::string_view message);

Handled transcribe_live(const OpenAiOptions& options, const HttpRequest& http);
Handled transcribe(const OpenAiOptions& options, HttpRequest http, bool translate);

}  // namespace serval::host
