// Python's operators on values.
#include <cmath>

#include "common/jinja/runtime.h"
#include "common/jinja/text.h"

namespace serval::jinja {
namespace {

[[noreturn]] void unsupported(Runtime& run, std::string_view op, const Value& a, const Value& b) {
  for (const Value* v : {&a, &b})
    if (v->is_undefined()) run.fail(v->undefined().message);
  if (op == "+" && a.is_string())
    run.fail("can only concatenate str (not \"" + std::string(type_name(b)) + "\") to str");
  run.fail("unsupported operand types for " + std::string(op) + ": '" + std::string(type_name(a)) +
           "' and '" + std::string(type_name(b)) + "'");
}

[[noreturn]] void overflow(Runtime& run) { run.fail("an integer has too many digits"); }

// The remainder has the sign of the divisor.
Int floor_mod(Int a, Int b) {
  if (b == -1) return 0;  // the smallest Int has no positive twin
  const Int r = a % b;
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

double floor_mod(double a, double b) {
  double r = std::fmod(a, b);
  if (r != 0) {
    if ((b < 0) != (r < 0)) r += b;
  } else {
    r = std::copysign(0.0, b);
  }
  return r;
}

double floor_quotient(double a, double b) {
  const double r = floor_mod(a, b);
  const double quotient = (a - r) / b;
  if (quotient == 0) return std::copysign(0.0, a / b);
  const double whole = std::floor(quotient);
  return quotient - whole > 0.5 ? whole + 1 : whole;
}

void check_divisor(Runtime& run, const Value& b) {
  if (b.as_double() == 0) run.fail("division by zero");
}

// A text or list `times` over.
Value repeat(Runtime& run, const Value& what, const Value& times) {
  const int64_t n = std::max<int64_t>(to_index(run, times, "a count"), 0);
  if (what.is_string()) {
    const std::string& text = what.text();
    const Int size = Int{n} * static_cast<Int>(text.size());
    run.check_text(static_cast<std::size_t>(std::min<Int>(size, INT64_MAX)));
    std::string out;
    out.reserve(static_cast<std::size_t>(size));
    for (int64_t i = 0; i < n && !text.empty(); ++i) out += text;
    return run.text(std::move(out), what.string().markup);
  }
  const auto& items = what.list().items;
  const Int size = Int{n} * static_cast<Int>(items.size()) * static_cast<Int>(sizeof(Value));
  run.take(static_cast<std::size_t>(std::min<Int>(size, INT64_MAX / 2)));
  std::vector<Value> out;
  for (int64_t i = 0; i < n && !items.empty(); ++i)
    out.insert(out.end(), items.begin(), items.end());
  return run.list(std::move(out), what.list().kind);
}

bool repeatable(const Value& v) {
  return v.is_string() || v.is_seq(Seq::list) || v.is_seq(Seq::tuple);
}

}  // namespace

Value add(Runtime& run, const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) {
    if (a.is_float() || b.is_float()) return a.as_double() + b.as_double();
    Int sum;
    if (__builtin_add_overflow(a.as_int(), b.as_int(), &sum)) overflow(run);
    return sum;
  }
  if (a.is_string() && b.is_string()) {
    run.check_text(a.text().size() + b.text().size());
    const bool x = a.string().markup, y = b.string().markup;
    if (x == y) return run.text(a.text() + b.text(), x);
    return run.text((x ? a.text() : escape_html(a.text())) + (y ? b.text() : escape_html(b.text())),
                    true);
  }
  const bool sequences = a.is_list() && b.is_list() && a.list().kind == b.list().kind;
  if (sequences && (a.is_seq(Seq::list) || a.is_seq(Seq::tuple))) {
    run.take((a.list().items.size() + b.list().items.size()) * sizeof(Value));
    std::vector<Value> items = a.list().items;
    items.insert(items.end(), b.list().items.begin(), b.list().items.end());
    return run.list(std::move(items), a.list().kind);
  }
  unsupported(run, "+", a, b);
}

Value arithmetic(Runtime& run, char op, const Value& a, const Value& b) {
  if (op == '%' && a.is_string()) {
    if (b.is_undefined()) run.fail(b.undefined().message);
    return run.text(percent_format(run, a.text(), b), a.string().markup);
  }
  if (op == '*' && a.is_integral() && repeatable(b)) return repeat(run, b, a);
  if (op == '*' && b.is_integral() && repeatable(a)) return repeat(run, a, b);
  if (!a.is_number() || !b.is_number()) unsupported(run, std::string(1, op), a, b);
  if (op == '/' || op == '%') check_divisor(run, b);
  if (op == '/') return a.as_double() / b.as_double();
  if (a.is_float() || b.is_float()) {
    const double x = a.as_double(), y = b.as_double();
    return op == '-' ? x - y : op == '*' ? x * y : floor_mod(x, y);
  }
  const Int x = a.as_int(), y = b.as_int();
  Int out;
  if (op == '%') return floor_mod(x, y);
  if (op == '-' ? __builtin_sub_overflow(x, y, &out) : __builtin_mul_overflow(x, y, &out))
    overflow(run);
  return out;
}

Value floor_divide(Runtime& run, const Value& a, const Value& b) {
  if (!a.is_number() || !b.is_number()) unsupported(run, "//", a, b);
  check_divisor(run, b);
  if (a.is_float() || b.is_float()) return floor_quotient(a.as_double(), b.as_double());
  const Int x = a.as_int(), y = b.as_int();
  if (y == -1) return negate(run, a);
  return (x - floor_mod(x, y)) / y;
}

Value power(Runtime& run, const Value& a, const Value& b) {
  if (!a.is_number() || !b.is_number()) unsupported(run, "**", a, b);
  if (a.is_integral() && b.is_integral() && b.as_int() >= 0) {
    Int result = 1, base = a.as_int();
    for (Int e = b.as_int(); e > 0; e >>= 1) {
      if ((e & 1) && __builtin_mul_overflow(result, base, &result)) overflow(run);
      if (e > 1 && __builtin_mul_overflow(base, base, &base)) overflow(run);
    }
    return result;
  }
  const double x = a.as_double(), y = b.as_double();
  if (x == 0 && y < 0) run.fail("0.0 cannot be raised to a negative power");
  if (x < 0 && y != std::floor(y)) run.fail("complex numbers are not supported");
  const double result = std::pow(x, y);
  if (std::isinf(result) && std::isfinite(x) && std::isfinite(y))
    run.fail("the result of ** is too large");
  return result;
}

Value negate(Runtime& run, const Value& a) {
  if (a.is_undefined()) run.fail(a.undefined().message);
  if (a.is_float()) return -a.as_double();
  if (!a.is_integral())
    run.fail("bad operand type for unary -: '" + std::string(type_name(a)) + "'");
  Int out;
  if (__builtin_sub_overflow(Int{0}, a.as_int(), &out)) overflow(run);
  return out;
}

}  // namespace serval::jinja
