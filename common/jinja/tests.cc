// The tests behind `is`.
#include <algorithm>
#include <iterator>

#include "common/jinja/runtime.h"
#include "common/jinja/text.h"

namespace serval::jinja {
namespace {

using Plain = bool (*)(const Value&);

// A test that only looks at the value.
template <Plain is>
Value plain(Runtime& run, const Value& self, Args& args) {
  Reader(run, "this test", args).finish();
  return is(self);
}

bool defined(const Value& v) { return !v.is_undefined(); }
bool undefined(const Value& v) { return v.is_undefined(); }
bool none(const Value& v) { return v.is_none(); }
bool boolean(const Value& v) { return v.is_bool(); }
bool yes(const Value& v) { return v.is_bool() && v.as_bool(); }
bool no(const Value& v) { return v.is_bool() && !v.as_bool(); }
bool integer(const Value& v) { return v.is_int(); }
bool floating(const Value& v) { return v.is_float(); }
bool number(const Value& v) { return v.is_number(); }
bool string(const Value& v) { return v.is_string(); }
bool mapping(const Value& v) { return v.is_dict(); }
bool callable(const Value& v) { return v.is_callable() || v.is_undefined(); }
bool escaped(const Value& v) { return v.is_string() && v.string().markup; }
bool sequence(const Value& v) {
  // Python asks for a length and for subscripts; an undefined value has both, in its way.
  return v.is_string() || v.is_dict() || v.is_seq(Seq::list) || v.is_seq(Seq::tuple) ||
         v.is_seq(Seq::range) || v.is_undefined();
}
bool iterable(const Value& v) {
  return v.is_string() || v.is_dict() || v.is_list() || v.is_generator() || v.is_undefined() ||
         v.is_loop();
}

// The one argument of a test such as `is eq(x)`.
Value argument(Runtime& run, Args& args) {
  Reader read(run, "this test", args);
  Value out = read.need("other");
  read.finish();
  return out;
}

Value eq(Runtime& run, const Value& self, Args& args) {
  return run.equals(self, argument(run, args));
}
Value ne(Runtime& run, const Value& self, Args& args) {
  return !run.equals(self, argument(run, args));
}
Value lt(Runtime& run, const Value& self, Args& args) {
  return run.less(self, argument(run, args));
}
Value gt(Runtime& run, const Value& self, Args& args) {
  return run.less(argument(run, args), self);
}
Value le(Runtime& run, const Value& self, Args& args) {
  const Value other = argument(run, args);
  return run.less(self, other) || run.equals(self, other);
}
Value ge(Runtime& run, const Value& self, Args& args) {
  const Value other = argument(run, args);
  return run.less(other, self) || run.equals(self, other);
}
Value in(Runtime& run, const Value& self, Args& args) {
  return run.contains(argument(run, args), self);
}

Value same_as(Runtime& run, const Value& self, Args& args) {
  const Value other = argument(run, args);
  if (self.held().index() != other.held().index()) return false;
  if (self.is_float()) run.fail("'sameas' is not supported for floats");
  if (self.is_string()) return &self.string() == &other.string();
  if (self.is_list()) return &self.list() == &other.list();
  if (self.is_dict()) return &self.dict() == &other.dict();
  if (self.is_undefined()) return &self.undefined() == &other.undefined();
  return equal(self, other);
}

bool divides(Runtime& run, const Value& self, const Value& by, Int remainder) {
  return run.equals(arithmetic(run, '%', self, by), Value(remainder));
}
Value odd(Runtime& run, const Value& self, Args& args) {
  Reader(run, "odd", args).finish();
  return divides(run, self, Value(Int{2}), 1);
}
Value even(Runtime& run, const Value& self, Args& args) {
  Reader(run, "even", args).finish();
  return divides(run, self, Value(Int{2}), 0);
}
Value divisible_by(Runtime& run, const Value& self, Args& args) {
  return divides(run, self, argument(run, args), 0);
}

Value lower(Runtime& run, const Value& self, Args& args) {
  Reader(run, "lower", args).finish();
  const std::string text = run.str(self);
  return text == to_lower(text) && text != to_upper(text);
}
Value upper(Runtime& run, const Value& self, Args& args) {
  Reader(run, "upper", args).finish();
  const std::string text = run.str(self);
  return text == to_upper(text) && text != to_lower(text);
}

Value is_filter(Runtime& run, const Value& self, Args& args) {
  Reader(run, "filter", args).finish();
  return self.is_string() && find_filter(self.text()) != nullptr;
}
Value is_test(Runtime& run, const Value& self, Args& args) {
  Reader(run, "test", args).finish();
  return self.is_string() && find_test(self.text()) != nullptr;
}

constexpr Builtin kTests[] = {{"defined", plain<defined>},
                              {"undefined", plain<undefined>},
                              {"none", plain<none>},
                              {"string", plain<string>},
                              {"mapping", plain<mapping>},
                              {"sequence", plain<sequence>},
                              {"iterable", plain<iterable>},
                              {"number", plain<number>},
                              {"integer", plain<integer>},
                              {"float", plain<floating>},
                              {"boolean", plain<boolean>},
                              {"true", plain<yes>},
                              {"false", plain<no>},
                              {"callable", plain<callable>},
                              {"escaped", plain<escaped>},
                              {"eq", eq},
                              {"equalto", eq},
                              {"==", eq},
                              {"ne", ne},
                              {"!=", ne},
                              {"lt", lt},
                              {"lessthan", lt},
                              {"<", lt},
                              {"le", le},
                              {"<=", le},
                              {"gt", gt},
                              {"greaterthan", gt},
                              {">", gt},
                              {"ge", ge},
                              {">=", ge},
                              {"in", in},
                              {"sameas", same_as},
                              {"odd", odd},
                              {"even", even},
                              {"divisibleby", divisible_by},
                              {"lower", lower},
                              {"upper", upper},
                              {"filter", is_filter},
                              {"test", is_test}};

}  // namespace

const Builtin* find_test(std::string_view name) {
  const auto at = std::find_if(std::begin(kTests), std::end(kTests),
                               [&](const Builtin& t) { return t.name == name; });
  return at == std::end(kTests) ? nullptr : at;
}

}  // namespace serval::jinja
