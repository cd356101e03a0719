// JSON for the whole project is Boost.JSON, built once into serval_common (json.cc).
#pragma once

#include <boost/json.hpp>
#include <string_view>

#include "common/result.h"

namespace serval {

namespace json = boost::json;

// Parses one JSON text. Refused: more than `max_depth` levels, duplicate keys in one object, bytes
// that are not UTF-8, anything behind the value. The message holds the byte offset.
Result<json::value> parse_json(std::string_view text, int max_depth = 64);

// As parse_json; a value that is no object is invalid_argument with the message `otherwise`.
Result<json::object> parse_json_object(std::string_view text, const char* otherwise);

}  // namespace serval
