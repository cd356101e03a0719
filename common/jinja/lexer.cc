#include "common/jinja/lexer.h"

#include <charconv>
#include <cstring>

#include "common/jinja/failure.h"
#include "common/jinja/text.h"

namespace serval::jinja {
namespace {

bool is_name_start(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name(char c) { return is_name_start(static_cast<unsigned char>(c)) || is_digit(c); }

struct Operator {
  std::string_view text;
  Tok kind;
};
constexpr Operator kOperators[] = {  // longest first
    {"//", Tok::floordiv}, {"**", Tok::pow},   {"==", Tok::eq},      {"!=", Tok::ne},
    {">=", Tok::ge},       {"<=", Tok::le},    {"+", Tok::add},      {"-", Tok::sub},
    {"*", Tok::mul},       {"/", Tok::div},    {"%", Tok::mod},      {"~", Tok::tilde},
    {"|", Tok::pipe},      {"=", Tok::assign}, {">", Tok::gt},       {"<", Tok::lt},
    {".", Tok::dot},       {",", Tok::comma},  {":", Tok::colon},    {";", Tok::semicolon},
    {"(", Tok::lparen},    {")", Tok::rparen}, {"[", Tok::lbracket}, {"]", Tok::rbracket},
    {"{", Tok::lbrace},    {"}", Tok::rbrace}};

// \r\n and \r become \n; one newline at the end is dropped.
std::string normalize(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      out += source[i];
      continue;
    }
    out += '\n';
    if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(normalize(source)), text_(source_) {}

  std::vector<Token> run() {
    while (at_ < text_.size()) root();
    emit(Tok::eof, "");
    return std::move(tokens_);
  }

 private:
  bool starts(std::string_view what) const { return text_.substr(at_).starts_with(what); }

  void emit(Tok kind, std::string text) { tokens_.push_back({kind, line_, std::move(text), 0, 0}); }

  // Moves on and keeps the line number right.
  void skip(std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) line_ += text_[at_ + i] == '\n';
    at_ += n;
  }
  void skip_space() {
    while (at_ < text_.size()) {
      const CodePoint c = decode(text_, at_);
      if (!is_space(c.value)) break;
      skip(c.size);
    }
  }

  // Emits text before a tag, stripped as the tag's sign and lstrip_blocks ask.
  void data(std::string_view text, char sign, bool is_variable) {
    const bool starts_line = line_starting_;
    std::string_view kept = text;
    if (sign == '-') {
      kept = strip(text, Side::right);
    } else if (sign != '+' && !is_variable) {
      const std::size_t newline = text.rfind('\n');
      const std::size_t from = newline == text.npos ? 0 : newline + 1;
      // Only white space between the line's start and the tag goes.
      if ((from > 0 || starts_line) && strip(text.substr(from), Side::left).empty())
        kept = text.substr(0, from);
    }
    if (!kept.empty()) emit(Tok::data, std::string(kept));
    skip(text.size());
  }

  char sign_at(std::size_t at) const {
    return at < text_.size() && (text_[at] == '-' || text_[at] == '+') ? text_[at] : 0;
  }

  void root() {
    std::size_t tag = at_;
    for (;; ++tag) {
      tag = text_.find('{', tag);
      if (tag == text_.npos || tag + 1 >= text_.size()) {
        emit(Tok::data, std::string(text_.substr(at_)));
        skip(text_.size() - at_);
        return;
      }
      if (text_[tag + 1] == '{' || text_[tag + 1] == '%' || text_[tag + 1] == '#') break;
    }
    const std::string_view before = text_.substr(at_, tag - at_);
    const char kind = text_[tag + 1];
    const char sign = sign_at(tag + 2);
    data(before, sign, kind == '{');
    if (kind == '#') return comment();
    if (kind == '%' && raw_ahead()) return raw();
    emit(kind == '{' ? Tok::variable_begin : Tok::block_begin, "");
    skip(sign ? 3 : 2);
    inside(kind == '{');
  }

  void comment() {
    const int line = line_;
    // An end mark may share the sign of the begin mark: {#-#} is a whole comment.
    const std::size_t from = at_ + (sign_at(at_ + 2) ? 3 : 2);
    const std::size_t end = from > text_.size() ? text_.npos : text_.find("#}", from);
    if (end == text_.npos) fail_at(line, "missing end of comment tag");
    const char sign = end > from ? sign_at(end - 1) : 0;
    skip(end + 2 - at_);
    after_tag(sign, true);
  }

  // Behind `%}` or `#}`: trim_blocks drops one newline, - drops all white space, + nothing.
  void after_tag(char sign, bool trims) {
    line_starting_ = text_[at_ - 1] == '\n';
    if (sign == '-') {
      const std::size_t from = at_;
      skip_space();
      if (at_ > from) line_starting_ = text_[at_ - 1] == '\n';
    } else if (sign != '+' && trims && at_ < text_.size() && text_[at_] == '\n') {
      skip(1);
      line_starting_ = true;
    }
  }

  // At "{%": is this {% raw %} ?  Sets raw_body_ behind it.
  bool raw_ahead() {
    std::size_t i = at_ + (sign_at(at_ + 2) ? 3 : 2);
    const auto space = [&] {
      while (i < text_.size() && is_space(decode(text_, i).value)) i += decode(text_, i).size;
    };
    space();
    if (!text_.substr(i).starts_with("raw")) return false;
    i += 3;
    space();
    if (text_.substr(i).starts_with("-%}")) {
      i += 3;
      space();
    } else if (text_.substr(i).starts_with("%}")) {
      i += 2;
    } else {
      return false;
    }
    raw_body_ = i;
    return true;
  }

  void raw() {
    const int line = line_;
    skip(raw_body_ - at_);
    line_starting_ = text_[at_ - 1] == '\n';
    for (std::size_t tag = at_; (tag = text_.find("{%", tag)) != text_.npos; ++tag) {
      std::size_t i = tag + (sign_at(tag + 2) ? 3 : 2);
      const char sign = sign_at(tag + 2);
      const auto space = [&] {
        while (i < text_.size() && is_space(decode(text_, i).value)) i += decode(text_, i).size;
      };
      space();
      if (!text_.substr(i).starts_with("endraw")) continue;
      i += 6;
      space();
      const char end_sign = sign_at(i);
      if (end_sign) ++i;
      if (!text_.substr(i).starts_with("%}")) continue;
      data(text_.substr(at_, tag - at_), sign, false);
      skip(i + 2 - at_);
      return after_tag(end_sign, true);
    }
    fail_at(line, "missing end of raw directive");
  }

  void inside(bool variable) {
    const int line = line_;
    std::string open;  // brackets that wait for their partner
    while (at_ < text_.size()) {
      if (open.empty() && tag_end(variable)) return;
      const CodePoint c = decode(text_, at_);
      if (is_space(c.value))
        skip(c.size);
      else if (is_digit(text_[at_]))
        number();
      else if (is_name_start(static_cast<unsigned char>(text_[at_])))
        name();
      else if (text_[at_] == '\'' || text_[at_] == '"')
        string();
      else
        punctuation(open);
    }
    emit(Tok::eof, "");
    fail_at(line, variable ? "this {{ is never closed" : "this {% is never closed");
  }

  bool tag_end(bool variable) {
    const std::string_view end = variable ? "}}" : "%}";
    char sign = 0;
    std::size_t n = 2;
    if ((text_[at_] == '-' || (text_[at_] == '+' && !variable)) &&
        text_.substr(at_ + 1).starts_with(end)) {
      sign = text_[at_];
      n = 3;
    } else if (!starts(end)) {
      return false;
    }
    emit(variable ? Tok::variable_end : Tok::block_end, "");
    skip(n);
    after_tag(sign, !variable);
    return true;
  }

  void name() {
    std::size_t n = 1;
    while (at_ + n < text_.size() && is_name(text_[at_ + n])) ++n;
    emit(Tok::name, std::string(text_.substr(at_, n)));
    skip(n);
  }

  void punctuation(std::string& open) {
    for (const Operator& op : kOperators) {
      if (!starts(op.text)) continue;
      const char c = op.text[0];
      if (op.text.size() == 1 && std::strchr("([{", c)) {
        open += c == '(' ? ')' : c == '[' ? ']' : '}';
      } else if (op.text.size() == 1 && std::strchr(")]}", c)) {
        if (open.empty()) fail_at(line_, "unexpected '" + std::string(1, c) + "'");
        if (open.back() != c)
          fail_at(line_, "unexpected '" + std::string(1, c) + "', expected '" + open.back() + "'");
        open.pop_back();
      }
      emit(op.kind, std::string(op.text));
      return skip(op.text.size());
    }
    fail_at(line_, "unexpected character " + quote(text_.substr(at_, decode(text_, at_).size)));
  }

  void number();
  void string();
  std::size_t digits(std::size_t at) const;
  Int integer(std::string_view digits, int base) const;

  std::string source_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t raw_body_ = 0;
  int line_ = 1;
  bool line_starting_ = true;  // the last tag ended with a newline, or there was none yet
  std::vector<Token> tokens_;
};

// End of the digits from `at` on, single underscores between them allowed; `at` if there is none.
std::size_t Lexer::digits(std::size_t at) const {
  std::size_t i = at;
  while (i < text_.size() &&
         (is_digit(text_[i]) ||
          (text_[i] == '_' && i > at && i + 1 < text_.size() && is_digit(text_[i + 1]))))
    ++i;
  return i;
}

Int Lexer::integer(std::string_view digits, int base) const {
  Int value = 0;
  for (char c : digits) {
    if (c == '_') continue;
    const int digit = is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
    if (__builtin_mul_overflow(value, Int{base}, &value) ||
        __builtin_add_overflow(value, Int{digit}, &value))
      fail_at(line_, "the number " + std::string(digits.substr(0, 50)) + " has too many digits");
  }
  return value;
}

void Lexer::number() {
  const std::size_t whole = digits(at_);
  std::size_t end = whole;
  bool floating = false;
  const bool behind_dot = at_ > 0 && text_[at_ - 1] == '.';  // x.1.2 is two subscripts
  if (!behind_dot) {
    if (end + 1 < text_.size() && text_[end] == '.' && is_digit(text_[end + 1])) {
      end = digits(end + 1);
      floating = true;
    }
    if (end + 1 < text_.size() && (text_[end] | 0x20) == 'e') {
      std::size_t e = end + 1;
      if (text_[e] == '+' || text_[e] == '-') ++e;
      if (digits(e) > e) {
        end = digits(e);
        floating = true;
      }
    }
  }
  Token token{Tok::integer, line_, "", 0, 0};
  if (floating) {
    token.kind = Tok::floating;
    std::string plain;
    for (char c : text_.substr(at_, end - at_))
      if (c != '_') plain += c;
    token.floating = std::strtod(plain.c_str(), nullptr);
  } else {
    const char mark = text_[at_] == '0' && at_ + 1 < text_.size() ? text_[at_ + 1] | 0x20 : 0;
    const int base = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 10;
    const auto fits = [&](char c) {
      if (is_digit(c)) return c - '0' < base;
      return base == 16 && (c | 0x20) >= 'a' && (c | 0x20) <= 'f';
    };
    if (base != 10) {
      std::size_t i = at_ + 2;
      while (i < text_.size() &&
             (fits(text_[i]) || (text_[i] == '_' && i + 1 < text_.size() && fits(text_[i + 1]))))
        ++i;
      if (i > at_ + 2) {
        token.integer = integer(text_.substr(at_ + 2, i - at_ - 2), base);
        tokens_.push_back(std::move(token));
        return skip(i - at_);
      }
    }
    // A number does not start with 0 unless it is all zeros: 007 is the tokens 00 and 7.
    end = whole;
    if (text_[at_] == '0') {
      end = at_ + 1;
      while (end < whole && (text_[end] == '0' || (text_[end] == '_' && text_[end + 1] == '0')))
        ++end;
    }
    token.integer = integer(text_.substr(at_, end - at_), 10);
  }
  tokens_.push_back(std::move(token));
  skip(end - at_);
}

void Lexer::string() {
  const char mark = text_[at_];
  const int line = line_;
  std::string out;
  std::size_t i = at_ + 1;
  const auto hex = [&](std::size_t n, const char* what) {
    char32_t c = 0;
    for (std::size_t d = 0; d < n; ++d, ++i) {
      const char x = i < text_.size() ? text_[i] : '?';
      const int lower = x | 0x20;
      if (!is_digit(x) && (lower < 'a' || lower > 'f'))
        fail_at(line, std::string("truncated ") + what + " escape in a string");
      c = c * 16 + static_cast<char32_t>(is_digit(x) ? x - '0' : lower - 'a' + 10);
    }
    if (c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))
      fail_at(line, "an escape in a string is no Unicode character");
    append_utf8(out, c);
  };
  while (i < text_.size() && text_[i] != mark) {
    if (text_[i] != '\\') {
      out += text_[i++];
      continue;
    }
    if (++i >= text_.size()) break;
    const char c = text_[i++];
    static constexpr std::string_view kFrom = "abfnrtv\\'\"", kTo = "\a\b\f\n\r\t\v\\'\"";
    if (const std::size_t simple = kFrom.find(c); simple != kFrom.npos) {
      out += kTo[simple];
    } else if (c == '\n') {  // a line continued
    } else if (c == 'x') {
      hex(2, "\\xXX");
    } else if (c == 'u') {
      hex(4, "\\uXXXX");
    } else if (c == 'U') {
      hex(8, "\\UXXXXXXXX");
    } else if (c >= '0' && c <= '7') {
      char32_t value = static_cast<char32_t>(c - '0');
      for (int n = 1; n < 3 && i < text_.size() && text_[i] >= '0' && text_[i] <= '7'; ++n, ++i)
        value = value * 8 + static_cast<char32_t>(text_[i] - '0');
      append_utf8(out, value);
    } else if (c == 'N') {
      fail_at(line, "\\N{...} escapes are not supported");
    } else {
      out += '\\';
      out += c;
    }
  }
  if (i >= text_.size()) fail_at(line, "this string is never closed");
  emit(Tok::string, std::move(out));
  skip(i + 1 - at_);
}

}  // namespace

std::vector<Token> tokenize(std::string_view source) { return Lexer(source).run(); }

}  // namespace serval::jinja
