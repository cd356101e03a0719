// POST /v1/audio/transcriptions and /v1/audio/translations.
#pragma once

#include <string>
#include <string_view>

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

Handled transcribe(const OpenAiOptions& options, HttpRequest http, bool translate);

}  // namespace serval::host
