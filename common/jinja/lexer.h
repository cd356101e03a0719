// Template text to tokens. Does the white space rules too: lstrip_blocks, trim_blocks and the - and
// + marks, so that a `data` token is exactly what is printed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/jinja/value.h"

namespace serval::jinja {

enum class Tok : uint8_t {
  data,
  variable_begin,
  variable_end,
  block_begin,
  block_end,
  name,
  string,
  integer,
  floating,
  add,
  sub,
  mul,
  div,
  floordiv,
  mod,
  pow,
  tilde,
  pipe,
  assign,
  eq,
  ne,
  lt,
  le,
  gt,
  ge,
  dot,
  comma,
  colon,
  semicolon,
  lparen,
  rparen,
  lbracket,
  rbracket,
  lbrace,
  rbrace,
  eof,
};

struct Token {
  Tok kind = Tok::eof;
  int line = 1;
  std::string text;  // data, name, string; for operators what stands in the template
  Int integer = 0;
  double floating = 0;
};

// Throws Failure. The last token is eof.
std::vector<Token> tokenize(std::string_view source);

}  // namespace serval::jinja
