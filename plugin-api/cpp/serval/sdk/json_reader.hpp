// The parser behind Json::parse; include json.hpp.
#pragma once

#include <charconv>

#include "serval/sdk/json.hpp"

namespace serval::sdk {
namespace detail {

class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text) {}

  Result<Json> read() {
    Json value;
    if (read_value(value, 0)) {
      skip_space();
      if (at_ == text_.size()) return value;
      what_ = "text behind the value";
    }
    return invalid("not JSON: " + std::string(what_) + " at byte " + std::to_string(at_));
  }

 private:
  static constexpr int kLevels = 64;

  bool fail(const char* what) {
    what_ = what;
    return false;
  }
  // The next byte, or -1 at the end.
  int peek() const { return at_ < text_.size() ? static_cast<unsigned char>(text_[at_]) : -1; }
  bool eat(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  bool eat(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  void skip_space() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\r' || peek() == '\n') ++at_;
  }

  bool read_value(Json& out, int level) {
    if (level > kLevels) return fail("too many levels");
    skip_space();
    switch (peek()) {
      case '{':
        return read_object(out, level);
      case '[':
        return read_array(out, level);
      case '"': {
        std::string text;
        if (!read_string(text)) return false;
        out = Json(std::move(text));
        return true;
      }
      default:
        break;
    }
    if (eat("null"))
      out = Json();
    else if (eat("true"))
      out = Json(true);
    else if (eat("false"))
      out = Json(false);
    else
      return read_number(out);
    return true;
  }

  bool read_object(Json& out, int level) {
    Json::Object object;
    ++at_;
    skip_space();
    if (!eat('}')) {
      do {
        skip_space();
        std::string key;
        if (peek() != '"') return fail("want a key");
        if (!read_string(key)) return false;
        skip_space();
        if (!eat(':')) return fail("want ':'");
        Json value;
        if (!read_value(value, level + 1)) return false;
        if (!object.emplace(std::move(key), std::move(value)).second)
          return fail("a key that was there before");
        skip_space();
      } while (eat(','));
      if (!eat('}')) return fail("want ',' or '}'");
    }
    out = Json(std::move(object));
    return true;
  }

  bool read_array(Json& out, int level) {
    Json::Array array;
    ++at_;
    skip_space();
    if (!eat(']')) {
      do {
        Json value;
        if (!read_value(value, level + 1)) return false;
        array.push_back(std::move(value));
        skip_space();
      } while (eat(','));
      if (!eat(']')) return fail("want ',' or ']'");
    }
    out = Json(std::move(array));
    return true;
  }

  bool read_number(Json& out) {
    const std::size_t start = at_;
    bool whole = true;
    eat('-');
    const bool zero = peek() == '0';
    const std::size_t digits = skip_digits();
    if (digits == 0) return fail("want a value");
    if (zero && digits > 1) return fail("a number with a leading zero");
    if (eat('.')) {
      whole = false;
      if (skip_digits() == 0) return fail("want a digit");
    }
    if (eat('e') || eat('E')) {
      whole = false;
      if (!eat('-')) eat('+');
      if (skip_digits() == 0) return fail("want a digit");
    }
    const char* first = text_.data() + start;
    const char* last = text_.data() + at_;
    int64_t integer = 0;
    if (whole && std::from_chars(first, last, integer).ec == std::errc()) {
      out = Json(integer);
      return true;
    }
    double number = 0;
    if (std::from_chars(first, last, number).ec != std::errc())
      return fail("a number that is too large or too small");
    out = Json(number);
    return true;
  }
  std::size_t skip_digits() {
    const std::size_t start = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ - start;
  }

  bool read_string(std::string& out) {
    ++at_;
    while (true) {
      const int c = peek();
      if (c < 0) return fail("a string without end");
      if (c == '"') break;
      if (c < 0x20) return fail("a control character in a string");
      if (c == '\\') {
        if (!read_escape(out)) return false;
        continue;
      }
      const std::size_t n = utf8_length(text_.substr(at_));
      if (n == 0) return fail("bytes that are not UTF-8");
      out.append(text_, at_, n);
      at_ += n;
    }
    ++at_;
    return true;
  }

  bool read_escape(std::string& out) {
    ++at_;
    static constexpr std::string_view kNames = "\"\\/bfnrt", kMeant = "\"\\/\b\f\n\r\t";
    const int c = peek();
    if (c == 'u') return read_unicode(out);
    const std::size_t i = c < 0 ? std::string_view::npos : kNames.find(char(c));
    if (i == std::string_view::npos) return fail("an unknown escape");
    out += kMeant[i];
    ++at_;
    return true;
  }

  // \uXXXX, or two of them for a character beyond U+FFFF.
  bool read_unicode(std::string& out) {
    uint32_t c = 0;
    if (!read_hex(c)) return false;
    if (c >= 0xD800 && c < 0xDC00) {
      uint32_t low = 0;
      if (!eat('\\') || peek() != 'u' || !read_hex(low) || low < 0xDC00 || low > 0xDFFF)
        return fail("half of a surrogate pair");
      c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    } else if (c >= 0xDC00 && c <= 0xDFFF) {
      return fail("half of a surrogate pair");
    }
    const auto put = [&out](uint32_t byte) { out += static_cast<char>(byte); };
    const auto tail = [&](int shift) { put(0x80 | ((c >> shift) & 0x3F)); };
    if (c < 0x80) return put(c), true;
    if (c < 0x800) return put(0xC0 | c >> 6), tail(0), true;
    if (c < 0x10000) return put(0xE0 | c >> 12), tail(6), tail(0), true;
    return put(0xF0 | c >> 18), tail(12), tail(6), tail(0), true;
  }
  bool read_hex(uint32_t& out) {
    ++at_;
    const char* first = text_.data() + at_;
    if (text_.size() - at_ < 4 || std::from_chars(first, first + 4, out, 16).ptr != first + 4 ||
        *first == '-')
      return fail("want four hexadecimal digits");
    at_ += 4;
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  const char* what_ = "";
};

}  // namespace detail

inline Result<Json> Json::parse(std::string_view text) { return detail::JsonReader(text).read(); }

}  // namespace serval::sdk
