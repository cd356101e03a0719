// Limits and the making of values.
#include "common/jinja/runtime.h"

#include "common/jinja/loop.h"
#include "common/jinja/text.h"

namespace serval::jinja {

void Runtime::exhausted(std::string message) const {
  throw Failure{Code::resource_exhausted, std::move(message), line_};
}

void Runtime::take(std::size_t bytes) {
  taken_ += bytes;
  if (taken_ > options_.max_value_bytes)
    exhausted("the template makes too many or too large values");
  read(bytes);
}

void Runtime::check_text(std::size_t size) const {
  if (size > options_.max_output_bytes)
    exhausted("a text of more than " + std::to_string(options_.max_output_bytes) + " bytes");
}

Runtime::Level::Level(Runtime& run) : run_(run) {
  constexpr std::ptrdiff_t kStack = 1 << 20;  // of the thread that renders
  constexpr int kLevels = 20'000;
  const char* here = static_cast<const char*>(__builtin_frame_address(0));
  if (!run.stack_base_) run.stack_base_ = here;
  if (run.stack_base_ - here > kStack || run.levels_ >= kLevels)
    run.exhausted("the template nests too deeply");
  ++run.levels_;
}

Value Runtime::text(std::string text, bool markup) {
  check_text(text.size());
  take(text.size() + sizeof(String));
  const std::size_t length = count_code_points(text);
  return std::make_shared<const String>(String{std::move(text), length, markup});
}

Value Runtime::list(std::vector<Value> items, Seq kind) {
  take(items.size() * sizeof(Value) + sizeof(List));
  List out;
  for (const Value& item : items) {
    out.depth = std::max(out.depth, depth_of(item) + 1);
    out.weight = add_weight(out.weight, weight_of(item));
  }
  if (out.depth > kMaxValueDepth) exhausted("lists inside lists, too many levels");
  out.items = std::move(items);
  out.kind = kind;
  return std::make_shared<const List>(std::move(out));
}

Value Runtime::range(int64_t start, int64_t stop, int64_t step) {
  if (step == 0) fail("range() step must not be zero");
  const Int span = step > 0 ? Int{stop} - start : Int{start} - stop;
  const Int stride = step > 0 ? Int{step} : -Int{step};
  const Int n = span <= 0 ? 0 : (span + stride - 1) / stride;
  if (n > options_.max_range)
    exhausted("range() of more than " + std::to_string(options_.max_range) + " numbers");
  List out;
  for (Int i = 0; i < n; ++i) out.items.emplace_back(Int{start} + i * step);
  take(out.items.size() * sizeof(Value) + sizeof(List));
  out.kind = Seq::range;
  out.weight = static_cast<uint64_t>(n) + 1;
  out.range[0] = start;
  out.range[1] = stop;
  out.range[2] = step;
  return std::make_shared<const List>(std::move(out));
}

Value Runtime::generator(std::vector<Value> items) {
  take(items.size() * sizeof(Value) + sizeof(Generator));
  Generator out;
  for (const Value& item : items) {
    out.depth = std::max(out.depth, depth_of(item) + 1);
    out.weight = add_weight(out.weight, weight_of(item));
  }
  if (out.depth > kMaxValueDepth) exhausted("generators inside generators, too many levels");
  out.items = std::move(items);
  return std::make_shared<Generator>(std::move(out));
}

Value Runtime::dict(Dict dict) {
  take(dict.size() * 2 * sizeof(Dict::Entry) + sizeof(Dict));
  if (dict.depth() > kMaxValueDepth) exhausted("dicts inside dicts, too many levels");
  return std::make_shared<const Dict>(std::move(dict));
}

Value Runtime::undefined(std::string message) {
  take(message.size() + sizeof(Undefined));
  return std::make_shared<const Undefined>(Undefined{std::move(message)});
}

Value Runtime::method(const Value& self, MethodId id) {
  take(sizeof(Method));
  if (depth_of(self) >= kMaxValueDepth) exhausted("values inside values, too many levels");
  return std::make_shared<const Method>(Method{self, id});
}

namespace {

bool hashable(const Value& key) {
  if (key.is_dict()) return false;
  if (!key.is_list()) return true;
  if (key.is_seq(Seq::range)) return true;
  if (!key.is_seq(Seq::tuple)) return false;
  for (const Value& item : key.list().items)
    if (!hashable(item)) return false;
  return true;
}

}  // namespace

void Runtime::put(Dict& dict, const Value& key, Value value) {
  constexpr std::size_t kOtherKeys = 1000;  // these are looked up one by one
  if (!hashable(key)) fail("unhashable type: '" + std::string(type_name(key)) + "'");
  if (!key.is_string()) {
    spend(1 + dict.other_keys() * weight_of(key));
    if (dict.other_keys() >= kOtherKeys) exhausted("a dict with too many keys that are no strings");
  }
  dict.set(key, std::move(value));
}

std::vector<Value> Runtime::iterate(const Value& value) {
  spend(1);
  if (value.is_undefined()) return {};
  if (value.is_list()) {
    take(value.list().items.size() * sizeof(Value));
    return value.list().items;
  }
  if (value.is_generator()) {
    Generator& from = value.generator();
    std::vector<Value> out(from.items.begin() + static_cast<std::ptrdiff_t>(from.next),
                           from.items.end());
    from.next = from.items.size();
    take(out.size() * sizeof(Value));
    return out;
  }
  std::vector<Value> out;
  if (value.is_dict()) {
    take(value.dict().size() * sizeof(Value));
    for (const auto& [key, member] : value.dict().entries()) out.push_back(key);
    return out;
  }
  if (value.is_string()) {
    const std::string& text = value.text();
    take(value.string().length * (sizeof(Value) + sizeof(String)));
    for (std::size_t i = 0; i < text.size();) {
      const std::size_t n = decode(text, i).size;
      out.push_back(std::make_shared<const String>(String{text.substr(i, n), 1}));
      i += n;
    }
    return out;
  }
  fail("'" + std::string(type_name(value)) + "' object is not iterable");
}

Int Runtime::length(const Value& value) {
  if (value.is_undefined()) return 0;
  if (value.is_string()) return static_cast<Int>(value.string().length);
  if (value.is_list()) return static_cast<Int>(value.list().items.size());
  if (value.is_dict()) return static_cast<Int>(value.dict().size());
  if (value.is_loop()) return static_cast<Int>(value.loop()->items.size());
  fail("object of type '" + std::string(type_name(value)) + "' has no len()");
}

bool Runtime::equals(const Value& a, const Value& b) {
  spend(1 + std::min(weight_of(a), weight_of(b)));
  return equal(a, b);
}

bool Runtime::less(const Value& a, const Value& b) {
  spend(1);
  if (a.is_number() && b.is_number()) {
    if (a.is_integral() && b.is_integral()) return a.as_int() < b.as_int();
    return a.as_double() < b.as_double();
  }
  if (a.is_string() && b.is_string()) {
    read(std::min(a.text().size(), b.text().size()));
    return a.text() < b.text();  // UTF-8 sorts as its code points do
  }
  const bool sequences = a.is_list() && b.is_list() && a.list().kind == b.list().kind &&
                         (a.list().kind == Seq::list || a.list().kind == Seq::tuple);
  if (sequences) {
    Level level(*this);
    const auto &x = a.list().items, &y = b.list().items;
    for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i)
      if (!equals(x[i], y[i])) return less(x[i], y[i]);
    return x.size() < y.size();
  }
  if (a.is_undefined()) missing(a.undefined());
  if (b.is_undefined()) missing(b.undefined());
  fail("values of type '" + std::string(type_name(a)) + "' and '" + std::string(type_name(b)) +
       "' cannot be put in order");
}

bool Runtime::contains(const Value& container, const Value& item) {
  if (container.is_string()) {
    if (item.is_undefined() || !item.is_string())
      fail("'in <string>' requires string as left operand, not " + std::string(type_name(item)));
    read(container.text().size());
    return find(container.text(), item.text()) != std::string::npos;
  }
  if (container.is_dict()) {
    if (!hashable(item)) fail("unhashable type: '" + std::string(type_name(item)) + "'");
    spend(1 + container.dict().other_keys());
    return container.dict().find(item) != nullptr;
  }
  if (container.is_list()) {
    for (const Value& x : container.list().items)
      if (equals(x, item)) return true;
    return false;
  }
  for (const Value& x : iterate(container))
    if (equals(x, item)) return true;
  return false;
}

std::string int_text(Int value) {
  unsigned __int128 rest = value;
  if (value < 0) rest = -rest;
  char buffer[48];
  char* at = buffer + sizeof buffer;
  do {
    *--at = static_cast<char>('0' + static_cast<int>(rest % 10));
    rest /= 10;
  } while (rest != 0);
  if (value < 0) *--at = '-';
  return std::string(at, buffer + sizeof buffer);
}

int64_t to_index(Runtime& run, const Value& value, std::string_view what) {
  if (!value.is_integral())
    run.fail(std::string(what) + " must be an integer, not '" + std::string(type_name(value)) +
             "'");
  const Int i = value.as_int();
  if (i > INT64_MAX || i < INT64_MIN) run.fail(std::string(what) + " is too large");
  return static_cast<int64_t>(i);
}

}  // namespace serval::jinja
