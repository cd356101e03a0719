// map, select, reject and their attribute forms, and groupby.
#include <algorithm>

#include "common/jinja/runtime.h"
#include "common/jinja/text.h"

namespace serval::jinja {
namespace {

const Builtin& named(Runtime& run, const Builtin* (*find)(std::string_view), const char* kind,
                     const Value& name) {
  const Builtin* found = name.is_string() ? find(name.text()) : nullptr;
  if (!found) run.fail(std::string("no ") + kind + " named " + run.repr(name));
  return *found;
}

Value map(Runtime& run, const Value& self, Args& args) {
  std::vector<Value> out;
  if (!truth(self)) return run.generator({});
  if (args.positional.empty()) {
    const Value *attribute = nullptr, *otherwise = nullptr;
    for (const auto& [key, value] : args.named) {
      if (key == "attribute")
        attribute = &value;
      else if (key == "default")
        otherwise = &value;
      else
        run.fail("map has no argument " + quote(key));
    }
    if (!attribute) run.fail("map wants the name of a filter or an attribute");
    for (const Value& item : run.iterate(self))
      out.push_back(attribute_path(run, item, *attribute, otherwise));
    return run.generator(std::move(out));
  }
  const Builtin& filter = named(run, find_filter, "filter", args.positional[0]);
  for (const Value& item : run.iterate(self)) {
    Runtime::Level level(run);
    run.spend(1 + args.positional.size());
    Args rest{{args.positional.begin() + 1, args.positional.end()}, args.named};
    out.push_back(filter.call(run, item, rest));
  }
  return run.generator(std::move(out));
}

// Keeps the items whose test says `wanted`; with an attribute that is what gets tested.
Value choose(Runtime& run, const Value& self, Args& args, bool with_attribute, bool wanted) {
  if (!truth(self)) return run.generator({});
  const std::size_t skip = with_attribute ? 1 : 0;
  if (args.positional.size() < skip) run.fail("the name of an attribute is missing");
  const Value path = with_attribute ? args.positional[0] : Value();
  const Builtin* test = nullptr;
  if (args.positional.size() > skip) test = &named(run, find_test, "test", args.positional[skip]);
  std::vector<Value> out;
  for (Value& item : run.iterate(self)) {
    Runtime::Level level(run);
    run.spend(1 + args.positional.size());
    const Value subject = attribute_path(run, item, path, nullptr);
    bool holds = false;
    if (test) {
      Args rest{
          {args.positional.begin() + static_cast<std::ptrdiff_t>(skip) + 1, args.positional.end()},
          args.named};
      holds = truth(test->call(run, subject, rest));
    } else {
      holds = truth(subject);
    }
    if (holds == wanted) out.push_back(std::move(item));
  }
  return run.generator(std::move(out));
}

Value select(Runtime& run, const Value& self, Args& args) {
  return choose(run, self, args, false, true);
}
Value reject(Runtime& run, const Value& self, Args& args) {
  return choose(run, self, args, false, false);
}
Value select_attr(Runtime& run, const Value& self, Args& args) {
  return choose(run, self, args, true, true);
}
Value reject_attr(Runtime& run, const Value& self, Args& args) {
  return choose(run, self, args, true, false);
}

Value group_by(Runtime& run, const Value& self, Args& args) {
  Reader read(run, "groupby", args);
  const Value attribute = read.need("attribute");
  const Value otherwise = read.get("default", Value());
  const bool case_sensitive = read.flag("case_sensitive", false);
  read.finish();
  struct Keyed {
    Value folded, key, item;
  };
  std::vector<Keyed> all;
  for (Value& item : run.iterate(self)) {
    const Value key = attribute_path(run, item, attribute, &otherwise);
    const bool fold = !case_sensitive && key.is_string();
    all.push_back({fold ? run.text(to_lower(key.text())) : key, key, std::move(item)});
  }
  std::stable_sort(all.begin(), all.end(),
                   [&](const Keyed& a, const Keyed& b) { return run.less(a.folded, b.folded); });
  std::vector<Value> groups;
  for (std::size_t i = 0; i < all.size();) {
    const Keyed& first = all[i];
    std::vector<Value> members;
    for (; i < all.size() && run.equals(all[i].folded, first.folded); ++i)
      members.push_back(all[i].item);
    if (members.empty()) members.push_back(all[i++].item);  // not equal to itself: a NaN
    groups.push_back(run.list({first.key, run.list(std::move(members))}, Seq::tuple));
  }
  return run.list(std::move(groups));
}

constexpr Builtin kFilters[] = {{"map", map},
                                {"select", select},
                                {"reject", reject},
                                {"selectattr", select_attr},
                                {"rejectattr", reject_attr},
                                {"groupby", group_by}};

}  // namespace

std::span<const Builtin> select_filters() { return kFilters; }

}  // namespace serval::jinja
