// JSON written straight into a string, for the paths that run once a token or once a number.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace serval::host {

// Appends text as a JSON string with its quotes. text: UTF-8.
void append_json_string(std::string& out, std::string_view text);

void append_number(std::string& out, int64_t number);

// Appends the number with as few digits as give the same float when read. REQUIRES: it is finite
void append_float(std::string& out, float number);
void append_double(std::string& out, double number);

// Appends f32 numbers, little-endian, as a JSON array. False when one of them is not finite, which
// JSON cannot say; `out` then has some of them. REQUIRES: bytes.size() is a multiple of 4
bool append_floats(std::string& out, std::string_view bytes);

// Appends bytes in base64 (RFC 4648, section 4) as a JSON string with its quotes.
void append_base64(std::string& out, std::string_view bytes);

}  // namespace serval::host
