// Filters on sequences and dicts.
#include <algorithm>

#include "common/jinja/runtime.h"
#include "common/jinja/text.h"

namespace serval::jinja {
namespace {

Value length(Runtime& run, const Value& self, Args& args) {
  Reader(run, "length", args).finish();
  return run.length(self);
}

Value default_(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "default", args);
  const Value otherwise = read.get("default_value", run.text(""));
  const bool boolean = read.flag("boolean", false);
  read.finish();
  return self.is_undefined() || (boolean && !truth(self)) ? otherwise : self;
}

Value first(Runtime& run, const Value& self, Args& args) {
  Reader(run, "first", args).finish();
  if (self.is_generator()) {
    Generator& from = self.generator();
    if (from.next < from.items.size()) return from.items[from.next++];
  } else {
    const std::vector<Value> items = run.iterate(self);
    if (!items.empty()) return items.front();
  }
  return run.undefined("no first item, the sequence was empty");
}

// reversed() wants a sequence; a dict will do.
void check_reversible(Runtime& run, const Value& self) {
  if (self.is_string() || self.is_list() || self.is_dict() || self.is_undefined()) return;
  run.fail("'" + std::string(type_name(self)) + "' object is not reversible");
}

Value last(Runtime& run, const Value& self, Args& args) {
  Reader(run, "last", args).finish();
  check_reversible(run, self);
  const std::vector<Value> items = run.iterate(self);
  return items.empty() ? run.undefined("no last item, the sequence was empty") : items.back();
}

Value reverse(Runtime& run, const Value& self, Args& args) {
  Reader(run, "reverse", args).finish();
  if (self.is_string()) return run.slice(self, Value(), Value(), Value(Int{-1}));
  std::vector<Value> items = run.iterate(self);
  std::reverse(items.begin(), items.end());
  const bool lazy = !self.is_generator();
  return lazy ? run.generator(std::move(items)) : run.list(std::move(items));
}

Value list(Runtime& run, const Value& self, Args& args) {
  Reader(run, "list", args).finish();
  return run.list(run.iterate(self));
}

Value items(Runtime& run, const Value& self, Args& args) {
  Reader(run, "items", args).finish();
  if (self.is_undefined()) return run.generator({});
  if (!self.is_dict()) run.fail("can only get item pairs from a mapping");
  std::vector<Value> pairs;
  for (const auto& [key, value] : self.dict().entries())
    pairs.push_back(run.list({key, value}, Seq::tuple));
  return run.generator(std::move(pairs));
}

// Text counts without its case unless asked otherwise.
Value sort_key(Runtime& run, const Value& value, bool case_sensitive) {
  return !case_sensitive && value.is_string() ? run.text(to_lower(value.text())) : value;
}

// A stable sort, also if reversed: equal items keep their order.
std::vector<Value> sorted(Runtime& run, std::vector<std::pair<Value, Value>> keyed, bool reverse) {
  std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
    return reverse ? run.less(b.first, a.first) : run.less(a.first, b.first);
  });
  std::vector<Value> out;
  for (auto& [key, value] : keyed) out.push_back(std::move(value));
  return out;
}

Value dict_sort(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "dictsort", args);
  const bool case_sensitive = read.flag("case_sensitive", false);
  const std::string by = read.text("by", "key");
  const bool reverse = read.flag("reverse", false);
  read.finish();
  if (by != "key" && by != "value") run.fail("dictsort: by must be 'key' or 'value'");
  if (self.is_undefined()) run.fail(self.undefined().message);
  if (!self.is_dict()) run.fail("dictsort wants a mapping, not " + std::string(type_name(self)));
  std::vector<std::pair<Value, Value>> keyed;
  for (const auto& [key, value] : self.dict().entries())
    keyed.emplace_back(sort_key(run, by == "key" ? key : value, case_sensitive),
                       run.list({key, value}, Seq::tuple));
  return run.list(sorted(run, std::move(keyed), reverse));
}

Value sort(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "sort", args);
  const bool reverse = read.flag("reverse", false);
  const bool case_sensitive = read.flag("case_sensitive", false);
  const Value attribute = read.get("attribute", Value());
  read.finish();
  std::vector<Value> paths{attribute};
  if (attribute.is_string()) {
    paths.clear();
    for (std::string_view path : split(attribute.text(), ",", -1)) paths.push_back(run.text(path));
  }
  std::vector<std::pair<Value, Value>> keyed;
  for (Value& item : run.iterate(self)) {
    std::vector<Value> key;
    for (const Value& path : paths)
      key.push_back(sort_key(run, attribute_path(run, item, path, nullptr), case_sensitive));
    Value whole = run.list(std::move(key));
    keyed.emplace_back(std::move(whole), std::move(item));
  }
  return run.list(sorted(run, std::move(keyed), reverse));
}

Value unique(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "unique", args);
  const bool case_sensitive = read.flag("case_sensitive", false);
  const Value attribute = read.get("attribute", Value());
  read.finish();
  Dict seen;
  std::vector<Value> out;
  for (Value& item : run.iterate(self)) {
    const Value key = sort_key(run, attribute_path(run, item, attribute, nullptr), case_sensitive);
    const std::size_t before = seen.size();
    run.put(seen, key, Value());
    if (seen.size() > before) out.push_back(std::move(item));
  }
  return run.generator(std::move(out));
}

Value extreme(Runtime& run, const Value& self, Args& args, bool largest) {
  Reader read(run, largest ? "max" : "min", args);
  const bool case_sensitive = read.flag("case_sensitive", false);
  const Value attribute = read.get("attribute", Value());
  read.finish();
  const std::vector<Value> items = run.iterate(self);
  if (items.empty()) return run.undefined("no aggregated item, the sequence was empty");
  const auto key_of = [&](const Value& item) {
    return sort_key(run, attribute_path(run, item, attribute, nullptr), case_sensitive);
  };
  std::size_t best = 0;
  Value best_key = key_of(items[0]);
  for (std::size_t i = 1; i < items.size(); ++i) {
    Value key = key_of(items[i]);
    if (!(largest ? run.less(best_key, key) : run.less(key, best_key))) continue;
    best = i;
    best_key = std::move(key);
  }
  return items[best];
}

Value min(Runtime& run, const Value& self, Args& args) { return extreme(run, self, args, false); }
Value max(Runtime& run, const Value& self, Args& args) { return extreme(run, self, args, true); }

Value sum(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "sum", args);
  const Value attribute = read.get("attribute", Value());
  Value total = read.get("start", Int{0});
  read.finish();
  if (total.is_string()) run.fail("sum() cannot add strings");
  for (const Value& item : run.iterate(self))
    total = add(run, total, attribute_path(run, item, attribute, nullptr));
  return total;
}

Value batch(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "batch", args);
  const int64_t count = to_index(run, read.need("linecount"), "linecount");
  const Value fill = read.get("fill_with", Value());
  read.finish();
  if (count < 1) run.fail("batch: linecount must be positive");
  std::vector<Value> out, line;
  const auto wanted = static_cast<std::size_t>(count);
  for (Value& item : run.iterate(self)) {
    if (line.size() == wanted) out.push_back(run.list(std::exchange(line, {})));
    line.push_back(std::move(item));
  }
  if (!line.empty()) {
    if (!fill.is_none() && line.size() < wanted) {
      run.take((wanted - line.size()) * sizeof(Value));
      line.resize(wanted, fill);
    }
    out.push_back(run.list(std::move(line)));
  }
  return run.generator(std::move(out));
}

Value slice(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "slice", args);
  const int64_t slices = to_index(run, read.need("slices"), "slices");
  const Value fill = read.get("fill_with", Value());
  read.finish();
  if (slices == 0) run.fail("slice: slices must not be zero");
  const std::vector<Value> all = run.iterate(self);
  const auto n = static_cast<int64_t>(all.size());
  std::vector<Value> out;
  for (int64_t i = 0, at = 0; i < slices; ++i) {
    const bool longer = i < n % slices;
    const int64_t end = at + n / slices + longer;
    std::vector<Value> part(all.begin() + at, all.begin() + end);
    if (!fill.is_none() && !longer) part.push_back(fill);
    out.push_back(run.list(std::move(part)));
    at = end;
  }
  return run.generator(std::move(out));
}

Value attr(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "attr", args);
  const std::string name = read.text("name", "");
  read.finish();
  // Unlike a dot this never finds an item.
  if (self.is_dict() && find_method(self, name) < 0 && !is_forbidden(self, name))
    return run.undefined("'dict object' has no attribute " + quote(name));
  return run.getattr(self, name);
}

constexpr Builtin kFilters[] = {{"length", length},    {"count", length},
                                {"default", default_}, {"d", default_},
                                {"first", first},      {"last", last},
                                {"reverse", reverse},  {"list", list},
                                {"items", items},      {"dictsort", dict_sort},
                                {"sort", sort},        {"unique", unique},
                                {"min", min},          {"max", max},
                                {"sum", sum},          {"batch", batch},
                                {"slice", slice},      {"attr", attr}};

}  // namespace

std::span<const Builtin> list_filters() { return kFilters; }

}  // namespace serval::jinja
