// Methods of lists, dicts and loops, and the table of all methods. Those of str: methods_text.cc.
#include "common/jinja/methods.h"

#include <algorithm>
#include <iterator>

#include "common/jinja/loop.h"

namespace serval::jinja {
namespace {

Value dict_get(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "get", args);
  const Value key = read.need("key");
  const Value otherwise = read.get("default", Value());
  read.finish();
  return run.contains(self, key) ? *self.dict().find(key) : otherwise;
}

Value dict_items(Runtime& run, const Value& self, Args& args) {
  Reader(run, "items", args).finish();
  std::vector<Value> pairs;
  for (const auto& [key, value] : self.dict().entries())
    pairs.push_back(run.list({key, value}, Seq::tuple));
  return run.list(std::move(pairs), Seq::items);
}

Value dict_keys(Runtime& run, const Value& self, Args& args) {
  Reader(run, "keys", args).finish();
  std::vector<Value> keys;
  for (const auto& [key, value] : self.dict().entries()) keys.push_back(key);
  return run.list(std::move(keys), Seq::keys);
}

Value dict_values(Runtime& run, const Value& self, Args& args) {
  Reader(run, "values", args).finish();
  std::vector<Value> values;
  for (const auto& [key, value] : self.dict().entries()) values.push_back(value);
  return run.list(std::move(values), Seq::values);
}

Value copy(Runtime& run, const Value& self, Args& args) {
  Reader(run, "copy", args).finish();
  return self;  // nothing can change either of them
}

Value list_index(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "index", args);
  const Value item = read.need("value");
  const auto& items = self.list().items;
  const auto size = static_cast<int64_t>(items.size());
  const auto bound = [&](int64_t i) { return std::clamp<int64_t>(i < 0 ? i + size : i, 0, size); };
  const int64_t start = bound(read.integer("start", 0)), stop = bound(read.integer("stop", size));
  read.finish();
  for (int64_t i = start; i < stop; ++i)
    if (run.equals(items[static_cast<std::size_t>(i)], item)) return Int{i};
  run.fail(run.repr(item) + " is not in the list");
}

Value list_count(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "count", args);
  const Value item = read.need("value");
  read.finish();
  Int n = 0;
  for (const Value& other : self.list().items) n += run.equals(other, item);
  return n;
}

Value loop_cycle(Runtime& run, const Value& self, Args& args) {
  if (args.positional.empty()) run.fail("no items for cycling given");
  return args.positional[self.loop()->index0 % args.positional.size()];
}

Value loop_changed(Runtime& run, const Value& self, Args& args) {
  Loop& loop = *self.loop();
  const Value now = run.list(std::move(args.positional), Seq::tuple);
  if (loop.changed_called && run.equals(loop.changed, now)) return false;
  loop.changed_called = true;
  loop.changed = now;
  return true;
}

enum class Type : uint8_t { text, list, tuple, range, dict, loop, none };

Type type_of(const Value& object) {
  if (object.is_string()) return Type::text;
  if (object.is_seq(Seq::list)) return Type::list;
  if (object.is_seq(Seq::tuple)) return Type::tuple;
  if (object.is_seq(Seq::range)) return Type::range;
  if (object.is_dict()) return Type::dict;
  if (object.is_loop()) return Type::loop;
  return Type::none;
}

struct Entry {
  Type type;
  std::string_view name;
  Function call;
};
constexpr Entry kMethods[] = {
    {Type::dict, "get", dict_get},      {Type::dict, "items", dict_items},
    {Type::dict, "keys", dict_keys},    {Type::dict, "values", dict_values},
    {Type::dict, "copy", copy},         {Type::list, "copy", copy},
    {Type::list, "index", list_index},  {Type::list, "count", list_count},
    {Type::tuple, "index", list_index}, {Type::tuple, "count", list_count},
    {Type::range, "index", list_index}, {Type::range, "count", list_count},
    {Type::loop, "cycle", loop_cycle},  {Type::loop, "changed", loop_changed}};
constexpr std::size_t kOwn = std::size(kMethods);

// What the sandbox refuses: a template must not change what it was given.
constexpr std::string_view kListChanges[] = {"append", "clear", "pop",    "reverse",
                                             "insert", "sort",  "extend", "remove"};
constexpr std::string_view kDictChanges[] = {"clear", "pop", "popitem", "setdefault", "update"};

constexpr std::string_view kTakesNames[] = {"split", "rsplit", "splitlines", "format"};

// Python's, not ours: refused by name instead of taken for an item that is missing.
constexpr std::string_view kTextUnsupported[] = {
    "casefold",     "encode",      "expandtabs", "format_map", "isascii",
    "isidentifier", "isprintable", "maketrans",  "translate",  "istitle"};
constexpr std::string_view kNumberUnsupported[] = {
    "as_integer_ratio", "bit_count", "bit_length", "conjugate", "denominator",
    "from_bytes",       "fromhex",   "hex",        "imag",      "is_integer",
    "numerator",        "real",      "to_bytes"};

template <std::size_t N>
bool among(const std::string_view (&names)[N], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

}  // namespace

int find_method(const Value& object, std::string_view name) {
  const Type type = type_of(object);
  if (type == Type::none) return -1;
  if (type == Type::text) {
    const auto table = text_methods();
    const auto at =
        std::find_if(table.begin(), table.end(), [&](const Builtin& m) { return m.name == name; });
    return at == table.end()
               ? -1
               : static_cast<int>(kOwn + static_cast<std::size_t>(at - table.begin()));
  }
  const auto at = std::find_if(std::begin(kMethods), std::end(kMethods),
                               [&](const Entry& m) { return m.type == type && m.name == name; });
  return at == std::end(kMethods) ? -1 : static_cast<int>(at - std::begin(kMethods));
}

Value call_method(Runtime& run, const Method& method, Args& args) {
  // str.split and the like are the only ones Python lets name their arguments.
  if (!args.named.empty() &&
      (method.id < kOwn || !among(kTakesNames, text_methods()[method.id - kOwn].name)))
    run.fail("this method takes no keyword arguments");
  if (method.id < kOwn) return kMethods[method.id].call(run, method.self, args);
  return text_methods()[method.id - kOwn].call(run, method.self, args);
}

bool is_forbidden(const Value& object, std::string_view name) {
  if (object.is_seq(Seq::list)) return among(kListChanges, name);
  return object.is_dict() && among(kDictChanges, name);
}

bool is_known_attribute(const Value& object, std::string_view name) {
  if (object.is_string()) return among(kTextUnsupported, name);
  if (object.is_number()) return among(kNumberUnsupported, name);
  if (object.is_dict()) return name == "fromkeys";
  if (object.is_seq(Seq::range)) return name == "start" || name == "stop" || name == "step";
  return object.is_seq(Seq::tuple) && (name == "grouper" || name == "list");
}

}  // namespace serval::jinja
