// JSON written straight into a string, for the paths that run once a token.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace serval::host {

// Appends text as a JSON string with its quotes. text: UTF-8.
void append_json_string(std::string& out, std::string_view text);

void append_number(std::string& out, int64_t number);

}  // namespace serval::host
