// A made-up model that hears what the audio's bytes say: each line is a segment of two seconds.
#pragma once

#include <memory>
#include <string>

#include "tests/host/protocols/fake_registry.h"

namespace serval::host {

// Answers `transcribe` (docs/requests.md). A line "?why" is a piece that failed.
void transcriber_answers(const Request& request, const std::shared_ptr<FakeCall>& call);

// One segment as the operation's contract has it, with words if asked.
Event segment_event(int id, const std::string& text, double start, double end, bool words);
Event result_event(const std::string& json);

// A form with boundary "b" and its Content-Type, posted to the path. fields: raw parts, each with
// its "--b" line, as form_field() makes them.
std::string form_field(const std::string& name, const std::string& value);
std::string form_file(const std::string& bytes);
Got post_form(const Router& router, const std::string& path, const std::string& fields);

}  // namespace serval::host
