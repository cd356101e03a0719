// "%s" % value and "{}".format(value), as far as text, integers and plain floats go.
#include <algorithm>
#include <cstdio>

#include "common/jinja/methods.h"

namespace serval::jinja {
namespace {

struct Spec {
  std::string fill = " ";
  char align = 0;  // < > ^ = or 0: numbers right, text left
  char sign = '-';
  bool alternate = false, group = false;
  int64_t width = 0, precision = -1;
  char type = 0;
};

constexpr int64_t kMostDigits = 400;  // of a precision: no double has more

std::string with_sign(bool negative, char sign, std::string digits) {
  if (negative) return "-" + digits;
  if (sign == '+' || sign == ' ') return sign + digits;
  return digits;
}

std::string integer_digits(Int value, char type, bool alternate) {
  if (type == 0 || type == 'd' || type == 'i' || type == 'u' || type == 'n') {
    std::string text = int_text(value);
    return text[0] == '-' ? text.substr(1) : text;
  }
  const unsigned base = type == 'o' ? 8 : type == 'b' ? 2 : 16;
  unsigned __int128 rest =
      value < 0 ? -static_cast<unsigned __int128>(value) : static_cast<unsigned __int128>(value);
  std::string out;
  const std::string_view digits = type == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
  do {
    const auto digit = static_cast<std::size_t>(rest % base);
    out += digits[digit];
    rest /= base;
  } while (rest != 0);
  if (alternate) out += {type, '0'};
  std::reverse(out.begin(), out.end());
  return out;
}

std::string float_digits(Runtime& run, double value, const Spec& spec) {
  if (spec.precision > kMostDigits) run.fail("a precision of more than 400 digits");
  const int precision = spec.precision < 0 ? 6 : static_cast<int>(spec.precision);
  const char pattern[] = {'%', '.', '*', spec.type, 0};
  char buffer[1024];
  std::snprintf(buffer, sizeof buffer, pattern, precision, value < 0 ? -value : value);
  return buffer;
}

// Thousands separated by commas.
std::string grouped(const std::string& digits) {
  const std::size_t whole = std::min(digits.find_first_not_of("0123456789"), digits.size());
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && i < whole && (whole - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

std::string number_text(Runtime& run, const Value& value, Spec spec) {
  const std::string_view float_types = "eEfFgG%";
  std::string digits;
  bool negative = false;
  const bool as_float = float_types.find(spec.type) != float_types.npos && spec.type != 0;
  if (as_float || value.is_float()) {
    double number = value.as_double();
    if (spec.type == '%') number *= 100;
    negative = number < 0;
    if (spec.type == 0 && spec.precision < 0) {
      digits = float_text(negative ? -number : number);
    } else {
      if (spec.type == 0) run.fail("a precision for a float needs a type such as 'f'");
      if (!as_float) run.fail("a float cannot be formatted as '" + std::string(1, spec.type) + "'");
      const bool percent = spec.type == '%';
      if (percent) spec.type = 'f';
      digits = float_digits(run, number, spec) + (percent ? "%" : "");
    }
  } else {
    if (std::string_view("dixXobnu").find(spec.type ? spec.type : 'd') == std::string_view::npos)
      run.fail("an integer cannot be formatted as '" + std::string(1, spec.type) + "'");
    negative = value.as_int() < 0;
    digits = integer_digits(value.as_int(), spec.type, spec.alternate);
  }
  if (spec.group) digits = grouped(digits);
  if (spec.align == '=') {
    const int64_t used = negative || spec.sign != '-';
    digits = pad_text(run, digits, spec.width - used, spec.fill, Side::left);
  }
  return with_sign(negative, spec.sign, std::move(digits));
}

std::string padded(Runtime& run, const std::string& text, const Spec& spec, bool number) {
  const char align = spec.align == 0 || spec.align == '=' ? (number ? '>' : '<') : spec.align;
  if (spec.width > INT32_MAX) run.fail("a width is too large");
  if (align != '^')
    return pad_text(run, text, spec.width, spec.fill, align == '>' ? Side::left : Side::right);
  // Unlike str.center(), format() puts the odd one to the right.
  const auto length = static_cast<int64_t>(count_code_points(text));
  const int64_t left = std::max<int64_t>(spec.width - length, 0) / 2;
  return pad_text(run, pad_text(run, text, length + left, spec.fill, Side::left), spec.width,
                  spec.fill, Side::right);
}

int64_t read_number(Runtime& run, std::string_view text, std::size_t& at) {
  int64_t n = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
    n = n * 10 + (text[at] - '0');
    if (n > INT32_MAX) run.fail("a number in a format is too large");
  }
  return n;
}

Spec parse_spec(Runtime& run, std::string_view text) {
  Spec spec;
  std::size_t at = 0;
  const std::string_view aligns = "<>=^";
  if (!text.empty()) {
    const std::size_t first = decode(text, 0).size;
    if (first < text.size() && aligns.find(text[first]) != aligns.npos) {
      spec.fill = std::string(text.substr(0, first));
      spec.align = text[first];
      at = first + 1;
    } else if (aligns.find(text[0]) != aligns.npos) {
      spec.align = text[0];
      at = 1;
    }
  }
  const auto take = [&](char c) {
    if (at >= text.size() || text[at] != c) return false;
    ++at;
    return true;
  };
  for (char c : {'+', '-', ' '})
    if (take(c)) spec.sign = c;
  spec.alternate = take('#');
  if (take('0') && spec.align == 0) {
    spec.fill = "0";
    spec.align = '=';
  }
  spec.width = read_number(run, text, at);
  spec.group = take(',');
  if (take('.')) spec.precision = read_number(run, text, at);
  if (at < text.size()) spec.type = text[at++];
  if (at < text.size() || std::string_view("bcdeEfFgGnosxX%").find(spec.type ? spec.type : 's') ==
                              std::string_view::npos)
    run.fail("invalid format specifier " + quote(text));
  return spec;
}

std::string cut(const std::string& text, int64_t precision) {
  if (precision < 0) return text;
  return text.substr(0, byte_offset(text, static_cast<std::size_t>(precision)));
}

std::string formatted(Runtime& run, const Value& value, std::string_view text) {
  const Spec spec = parse_spec(run, text);
  const bool is_text =
      !value.is_number() || (value.is_bool() && (spec.type == 0 || spec.type == 's'));
  if (!is_text) return padded(run, number_text(run, value, spec), spec, true);
  if (!value.is_string() && !value.is_bool() && !text.empty())
    run.fail("unsupported format string for '" + std::string(type_name(value)) + "'");
  if (spec.type != 0 && spec.type != 's')
    run.fail("unknown format code '" + std::string(1, spec.type) + "' for text");
  if (spec.align == '=') run.fail("'=' alignment is not allowed for text");
  return padded(run, cut(run.str(value), spec.precision), spec, false);
}

// The value of a field such as 0, name, a.b or a[0].
Value field_value(Runtime& run, std::string_view field, Args& args, int64_t& automatic) {
  std::size_t at = std::min(field.find_first_of(".["), field.size());
  const std::string_view first = field.substr(0, at);
  Value value;
  const bool is_index = first.find_first_not_of("0123456789") == first.npos;
  if (is_index) {
    std::size_t none = 0;
    if (first.empty() == (automatic < 0) && automatic != 0)
      run.fail("automatic and manual numbering of format fields are mixed");
    const int64_t i = first.empty() ? automatic : read_number(run, first, none);
    automatic = first.empty() ? automatic + 1 : -1;
    if (i >= static_cast<int64_t>(args.positional.size()))
      run.fail("a format field has no argument " + std::to_string(i));
    value = args.positional[static_cast<std::size_t>(i)];
  } else {
    const auto named = std::find_if(args.named.begin(), args.named.end(),
                                    [&](const auto& arg) { return arg.first == first; });
    if (named == args.named.end()) run.fail("a format field has no argument " + quote(first));
    value = named->second;
  }
  while (at < field.size()) {
    if (field[at] == '.') {
      const std::size_t end = std::min(field.find_first_of(".[", at + 1), field.size());
      value = run.getattr(value, std::string(field.substr(at + 1, end - at - 1)));
      at = end;
      continue;
    }
    const std::size_t end = field.find(']', at);
    if (field[at] != '[' || end == field.npos) run.fail("a format field is malformed");
    const std::string_view key = field.substr(at + 1, end - at - 1);
    std::size_t none = 0;
    const bool digits = !key.empty() && key.find_first_not_of("0123456789") == key.npos;
    value = run.getitem(value, digits ? Value(Int{read_number(run, key, none)}) : run.text(key));
    at = end + 1;
  }
  return value;
}

}  // namespace

std::string brace_format(Runtime& run, const std::string& pattern, Args& args) {
  std::string out;
  int64_t automatic = 0;  // the next field without a number; -1 once one had a number
  for (std::size_t i = 0; i < pattern.size();) {
    run.spend(1);
    run.check_text(out.size());
    const char c = pattern[i];
    const bool twice = i + 1 < pattern.size() && pattern[i + 1] == c;
    if ((c != '{' && c != '}') || twice) {
      out += c;
      i += c == '{' || c == '}' ? 2 : 1;
      continue;
    }
    const std::size_t end = pattern.find('}', i);
    if (c == '}' || end == pattern.npos) run.fail("single '" + std::string(1, c) + "' in a format");
    std::string_view field = std::string_view(pattern).substr(i + 1, end - i - 1);
    if (field.find('{') != field.npos) run.fail("fields inside format fields are not supported");
    i = end + 1;
    std::string_view spec, conversion;
    if (const std::size_t colon = field.find(':'); colon != field.npos) {
      spec = field.substr(colon + 1);
      field = field.substr(0, colon);
    }
    if (const std::size_t mark = field.find('!'); mark != field.npos) {
      conversion = field.substr(mark + 1);
      field = field.substr(0, mark);
    }
    Value value = field_value(run, field, args, automatic);
    if (conversion == "r")
      value = run.text(run.repr(value));
    else if (conversion == "s")
      value = run.text(run.str(value));
    else if (!conversion.empty())
      run.fail("unknown conversion " + quote(conversion) + " in a format");
    out += formatted(run, value, spec);
  }
  return out;
}

std::string percent_format(Runtime& run, const std::string& pattern, const Value& values) {
  const bool many = values.is_seq(Seq::tuple);
  std::size_t used = 0;
  bool by_name = false;
  const auto next = [&]() -> Value {
    const std::size_t count = many ? values.list().items.size() : 1;
    if (used >= count) run.fail("not enough arguments for format string");
    ++used;
    return many ? values.list().items[used - 1] : values;
  };
  std::string out;
  for (std::size_t i = 0; i < pattern.size();) {
    run.check_text(out.size());
    if (pattern[i] != '%') {
      out += pattern[i++];
      continue;
    }
    run.spend(1);
    ++i;
    Spec spec;
    std::string name;
    bool named = false;
    if (i < pattern.size() && pattern[i] == '(') {
      const std::size_t end = pattern.find(')', i);
      if (end == pattern.npos) run.fail("incomplete format key");
      name = pattern.substr(i + 1, end - i - 1);
      i = end + 1;
      named = by_name = true;
      if (!values.is_dict()) run.fail("format requires a mapping");
    }
    bool zero = false;
    for (;
         i < pattern.size() && std::string_view("-+ 0#").find(pattern[i]) != std::string_view::npos;
         ++i) {
      if (pattern[i] == '-') spec.align = '<';
      if (pattern[i] == '+' || (pattern[i] == ' ' && spec.sign != '+')) spec.sign = pattern[i];
      if (pattern[i] == '0') zero = true;
      if (pattern[i] == '#') spec.alternate = true;
    }
    spec.width = read_number(run, pattern, i);
    if (i < pattern.size() && pattern[i] == '.') spec.precision = read_number(run, pattern, ++i);
    if (i >= pattern.size()) run.fail("incomplete format");
    spec.type = pattern[i++];
    if (spec.type == '%') {
      out += '%';
      continue;
    }
    Value value = named ? run.getitem(values, run.text(name)) : next();
    if (spec.type == 's' || spec.type == 'r') {
      const std::string text = spec.type == 's' ? run.str(value) : run.repr(value);
      if (spec.align == 0) spec.align = '>';
      out += padded(run, cut(text, spec.precision), spec, false);
      continue;
    }
    if (std::string_view("diuxXoeEfFgG").find(spec.type) == std::string_view::npos)
      run.fail("unsupported format character '" + std::string(1, spec.type) + "'");
    if (!value.is_number())
      run.fail("%" + std::string(1, spec.type) + " format: a number is required, not " +
               std::string(type_name(value)));
    const bool as_int = std::string_view("diuxXo").find(spec.type) != std::string_view::npos;
    if (as_int && value.is_float()) {
      if (spec.type == 'x' || spec.type == 'X' || spec.type == 'o' ||
          !(value.as_double() < 1e38 && value.as_double() > -1e38))
        run.fail("a float where an integer is required");
      value = static_cast<Int>(value.as_double());
    }
    if (as_int && spec.precision >= 0) run.fail("a precision for integers is not supported");
    if (zero && spec.align == 0) {
      spec.align = '=';
      spec.fill = "0";
    }
    out += padded(run, number_text(run, value, spec), spec, true);
  }
  const bool left_over = many ? used < values.list().items.size()
                              : used == 0 && !by_name && !values.is_dict() && !values.is_list();
  if (left_over) run.fail("not all arguments converted during string formatting");
  return out;
}

}  // namespace serval::jinja
