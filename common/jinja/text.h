// Python's idea of text on UTF-8: positions are code points, white space and letter case are
// Unicode's (tables by tools/golden/unicode_tables.py). Bytes that are not UTF-8 count as one
// character each and are passed on as they are.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace serval::jinja {

struct CodePoint {
  char32_t value;    // 0xFFFD for a byte that is not UTF-8
  std::size_t size;  // bytes it takes
};

// REQUIRES: at < text.size()
CodePoint decode(std::string_view text, std::size_t at);
void append_utf8(std::string& out, char32_t c);

std::size_t count_code_points(std::string_view text);
// Where each code point starts, and text.size() at the end.
std::vector<uint32_t> code_point_starts(std::string_view text);
// Byte offset of the code point `index`, text.size() if there is none.
std::size_t byte_offset(std::string_view text, std::size_t index);

bool is_space(char32_t c);
bool is_printable(char32_t c);
bool is_line_break(char32_t c);  // what str.splitlines() splits at, \r\n aside

std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
// First letter in title case, the rest in lower case: str.capitalize().
std::string capitalize(std::string_view text);
// Every run of letters capitalized: str.title(). The |title filter differs.
std::string title_words(std::string_view text);
// The |title filter: a word starts behind white space and -({[<
std::string title_filter(std::string_view text);

enum class Side : uint8_t { both, left, right };
// Without `chars` white space, else every code point that is in `chars`.
std::string_view strip(std::string_view text, Side side);
std::string_view strip(std::string_view text, std::string_view chars, Side side);

std::vector<std::string_view> split_space(std::string_view text, int64_t most);
std::vector<std::string_view> rsplit_space(std::string_view text, int64_t most);
// REQUIRES: !separator.empty(). `most` < 0: no limit.
std::vector<std::string_view> split(std::string_view text, std::string_view separator,
                                    int64_t most);
std::vector<std::string_view> rsplit(std::string_view text, std::string_view separator,
                                     int64_t most);
std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends);

// memmem: linear, whatever the texts. npos if absent.
std::size_t find(std::string_view text, std::string_view part, std::size_t from = 0);

std::string escape_html(std::string_view text);
// repr() of a str.
std::string quote(std::string_view text);
// repr() of a float: the shortest digits that give it back.
std::string float_text(double value);

}  // namespace serval::jinja
