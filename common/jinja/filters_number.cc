// Filters on numbers.
#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "common/jinja/runtime.h"
#include "common/jinja/text.h"

namespace serval::jinja {
namespace {

// The digits without single underscores between them; nothing if they stand elsewhere.
std::optional<std::string> without_underscores(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
      continue;
    }
    if (i == 0 || i + 1 == text.size() || !std::isalnum(static_cast<unsigned char>(text[i - 1])) ||
        !std::isalnum(static_cast<unsigned char>(text[i + 1])))
      return std::nullopt;
  }
  return out;
}

std::optional<double> parse_float(std::string_view text) {
  const auto plain = without_underscores(strip(text, Side::both));
  if (!plain || plain->empty()) return std::nullopt;
  std::string lower = to_lower(*plain);
  const std::size_t sign = lower[0] == '+' || lower[0] == '-' ? 1 : 0;
  const std::string word = lower.substr(sign);
  const bool is_word = word == "inf" || word == "infinity" || word == "nan";
  // strtod also reads hexadecimal, Python does not.
  if (!is_word && lower.find_first_not_of("0123456789.e+-") != lower.npos) return std::nullopt;
  char* end = nullptr;
  const double value = std::strtod(lower.c_str(), &end);
  if (end != lower.c_str() + lower.size()) return std::nullopt;
  return value;
}

// int(text, base). Fails only for a number that has too many digits for us.
std::optional<Int> parse_int(Runtime& run, std::string_view text, int64_t base) {
  text = strip(text, Side::both);
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (base < 0 || base == 1 || base > 36) return std::nullopt;
  const char mark = text.size() > 1 && text[0] == '0' ? static_cast<char>(text[1] | 0x20) : '\0';
  const int marked = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
  bool prefixed = false;
  if (marked != 0 && (base == 0 || base == marked)) {
    base = marked;
    text.remove_prefix(2);
    prefixed = true;
    if (!text.empty() && text[0] == '_') text.remove_prefix(1);
  }
  const auto digits = without_underscores(text);
  if (!digits || digits->empty()) return std::nullopt;
  if (base == 0) {
    if (!prefixed && (*digits)[0] == '0' && digits->find_first_not_of('0') != digits->npos)
      return std::nullopt;
    base = 10;
  }
  Int value = 0;
  bool fits = true;
  for (char c : *digits) {
    const int lower = c | 0x20;
    const int digit = c >= '0' && c <= '9'           ? c - '0'
                      : lower >= 'a' && lower <= 'z' ? lower - 'a' + 10
                                                     : 99;
    if (digit >= base) return std::nullopt;
    fits = fits && !__builtin_mul_overflow(value, Int{base}, &value) &&
           !__builtin_add_overflow(value, Int{digit}, &value);
  }
  if (!fits) run.fail("an integer has too many digits");
  return negative ? -value : value;
}

Int whole(Runtime& run, double value) {
  if (std::fabs(value) >= 1e38) run.fail("an integer has too many digits");
  return static_cast<Int>(value);
}

Value to_int(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "int", args);
  const Value otherwise = read.get("default", Int{0});
  const int64_t base = read.integer("base", 10);
  read.finish();
  if (self.is_undefined()) run.fail(self.undefined().message);
  if (self.is_integral()) return self.as_int();
  std::optional<double> number;
  if (self.is_float()) number = self.as_double();
  if (self.is_string()) {
    run.read(self.text().size());
    if (const auto i = parse_int(run, self.text(), base)) return *i;
    number = parse_float(self.text());
  }
  if (!number || std::isnan(*number)) return otherwise;
  if (std::isinf(*number)) {
    if (self.is_float()) run.fail("cannot convert float infinity to integer");
    return otherwise;
  }
  return whole(run, *number);
}

Value to_float(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "float", args);
  const Value otherwise = read.get("default", 0.0);
  read.finish();
  if (self.is_undefined()) run.fail(self.undefined().message);
  if (self.is_number()) return self.as_double();
  if (!self.is_string()) return otherwise;
  run.read(self.text().size());
  const auto number = parse_float(self.text());
  return number ? Value(*number) : otherwise;
}

Value abs(Runtime& run, const Value& self, Args& args) {
  Reader(run, "abs", args).finish();
  if (self.is_undefined()) run.fail(self.undefined().message);
  if (!self.is_number()) run.fail("bad operand type for abs(): " + std::string(type_name(self)));
  if (self.is_float()) return std::fabs(self.as_double());
  return self.as_int() < 0 ? negate(run, self) : Value(self.as_int());
}

// To the nearest, a tie to the even neighbour, as the exact binary value decides.
double round_digits(double value, int64_t digits) {
  if (!std::isfinite(value) || digits > 330) return value;
  if (digits < -330) return std::copysign(0.0, value);
  if (digits >= 0) {
    char buffer[700];
    std::snprintf(buffer, sizeof buffer, "%.*f", static_cast<int>(digits), value);
    return std::strtod(buffer, nullptr);
  }
  const double unit = std::pow(10.0, static_cast<double>(-digits));
  return std::nearbyint(value / unit) * unit;
}

Int round_tens(Int value, int64_t digits) {  // digits < 0
  Int unit = 1;
  for (int64_t i = 0; i < -digits; ++i)
    if (__builtin_mul_overflow(unit, Int{10}, &unit)) return 0;
  Int rest = value % unit;
  if (rest < 0) rest += unit;
  const Int below = value - rest;
  const bool up = rest > unit - rest || (rest == unit - rest && (below / unit) % 2 != 0);
  return up ? below + unit : below;
}

Value round(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "round", args);
  const int64_t digits = read.integer("precision", 0);
  const std::string method = read.text("method", "common");
  read.finish();
  if (method != "common" && method != "ceil" && method != "floor")
    run.fail("round: method must be common, ceil or floor");
  if (self.is_undefined()) run.fail(self.undefined().message);
  if (!self.is_number()) run.fail("round wants a number, not " + std::string(type_name(self)));
  if (method == "common") {
    if (self.is_float()) return round_digits(self.as_double(), digits);
    return digits >= 0 ? Value(self.as_int()) : Value(round_tens(self.as_int(), digits));
  }
  const double unit = std::pow(10.0, static_cast<double>(digits));
  const double scaled = self.as_double() * unit;
  if (!std::isfinite(scaled)) run.fail("round: the number is too large");
  return (method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / unit;
}

constexpr Builtin kFilters[] = {
    {"int", to_int}, {"float", to_float}, {"abs", abs}, {"round", round}};

}  // namespace

std::span<const Builtin> number_filters() { return kFilters; }

}  // namespace serval::jinja
