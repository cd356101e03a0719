// Does what a plugin hands over keep the rules of the ABI?
#pragma once

#include <string_view>

#include "host/queue/limits.h"
#include "serval/request.h"

namespace serval::host {

// The name of the broken rule, or "": "event_size", "event_kind", "event_index", "event_flags",
// "event_memory", "event_data", "event_utf8", "event_json", "event_meta".
std::string_view check_event(const serval_event& event, const StreamLimits& limits);

// True if text is one JSON object, at most 64 levels deep.
bool is_json_object(std::string_view text);

}  // namespace serval::host
