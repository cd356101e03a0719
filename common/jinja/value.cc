#include "common/jinja/value.h"

#include <algorithm>
#include <cmath>

#include "common/jinja/loop.h"

namespace serval::jinja {
namespace {

bool same_number(const Value& a, const Value& b) {
  if (a.is_integral() && b.is_integral()) return a.as_int() == b.as_int();
  return a.as_double() == b.as_double();
}

// Views of a dict: the order does not count. An item of `items` is a (key, value) tuple.
bool same_set(const List& a, const List& b) {
  const auto parts = [](const List& view, const Value& x) {
    if (view.kind == Seq::keys) return std::pair<Value, Value>(x, Value());
    return std::pair<Value, Value>(x.list().items[0], x.list().items[1]);
  };
  Dict of_b;
  for (const Value& x : b.items) {
    auto [key, value] = parts(b, x);
    of_b.set(std::move(key), std::move(value));
  }
  return std::all_of(a.items.begin(), a.items.end(), [&](const Value& x) {
    const auto [key, value] = parts(a, x);
    const Value* other = of_b.find(key);
    return other && equal(value, *other);
  });
}

bool same_list(const List& a, const List& b) {
  const bool a_view = a.kind == Seq::values, b_view = b.kind == Seq::values;
  if (a_view || b_view) return &a == &b;  // dict_values compare by identity
  if (a.kind != b.kind) return false;
  if (a.items.size() != b.items.size()) return false;
  if (a.kind == Seq::keys || a.kind == Seq::items) return same_set(a, b);
  return std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), equal);
}

bool same_dict(const Dict& a, const Dict& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [key, value] : a.entries()) {
    const Value* other = b.find(key);
    if (!other || !equal(value, *other)) return false;
  }
  return true;
}

}  // namespace

std::size_t Dict::size() const { return entries_.size(); }

std::size_t Dict::position(std::string_view key) const {
  if (by_text_.empty()) {
    for (std::size_t i = 0; i < entries_.size(); ++i)
      if (entries_[i].first.is_string() && entries_[i].first.text() == key) return i;
    return entries_.size();
  }
  const auto at = by_text_.find(key);
  return at == by_text_.end() ? entries_.size() : at->second;
}

std::size_t Dict::position(const Value& key) const {
  if (key.is_string()) return position(std::string_view(key.text()));
  for (uint32_t i : others_)
    if (equal(entries_[i].first, key)) return i;
  return entries_.size();
}

const Value* Dict::find(std::string_view key) const {
  const std::size_t at = position(key);
  return at < entries_.size() ? &entries_[at].second : nullptr;
}

const Value* Dict::find(const Value& key) const {
  const std::size_t at = position(key);
  return at < entries_.size() ? &entries_[at].second : nullptr;
}

void Dict::set(Value key, Value value) {
  constexpr std::size_t kScan = 8;  // up to here a scan is as quick as the map
  depth_ = std::max({depth_, depth_of(key) + 1, depth_of(value) + 1});
  weight_ = add_weight(weight_, add_weight(weight_of(key), weight_of(value)));
  const std::size_t at = position(key);
  if (at < entries_.size()) {
    entries_[at].second = std::move(value);
    return;
  }
  if (!key.is_string()) others_.push_back(static_cast<uint32_t>(at));
  entries_.emplace_back(std::move(key), std::move(value));
  if (entries_.size() <= kScan) return;
  // The texts stand on the heap and never move, so views of them stay good.
  for (std::size_t i = by_text_.empty() ? 0 : at; i < entries_.size(); ++i)
    if (entries_[i].first.is_string())
      by_text_.emplace(entries_[i].first.text(), static_cast<uint32_t>(i));
}

bool truth(const Value& value) {
  if (value.is_undefined() || value.is_none()) return false;
  if (value.is_bool()) return value.as_bool();
  if (value.is_int()) return value.as_int() != 0;
  if (value.is_float()) return value.as_double() != 0;
  if (value.is_string()) return !value.text().empty();
  if (value.is_list()) return !value.list().items.empty();
  if (value.is_dict()) return value.dict().size() != 0;
  if (value.is_loop()) return !value.loop()->items.empty();
  return true;
}

bool equal(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return same_number(a, b);
  if (a.held().index() != b.held().index()) return false;
  if (a.is_undefined() || a.is_none()) return true;
  if (a.is_string()) return a.text() == b.text();
  if (a.is_list()) return &a.list() == &b.list() || same_list(a.list(), b.list());
  if (a.is_dict()) return &a.dict() == &b.dict() || same_dict(a.dict(), b.dict());
  if (const auto* m = std::get_if<std::shared_ptr<const Method>>(&a.held())) {
    const auto& n = std::get<std::shared_ptr<const Method>>(b.held());
    return (*m)->id == n->id && equal((*m)->self, n->self);
  }
  return a.held() == b.held();  // the rest is equal to itself only
}

int depth_of(const Value& value) {
  if (value.is_list()) return value.list().depth;
  if (value.is_dict()) return value.dict().depth();
  if (value.is_generator()) return value.generator().depth;
  if (const auto* m = std::get_if<std::shared_ptr<const Method>>(&value.held()))
    return depth_of((*m)->self) + 1;
  return 0;
}

uint64_t weight_of(const Value& value) {
  if (value.is_string()) return 1 + value.text().size() / 64;
  if (value.is_list()) return value.list().weight;
  if (value.is_dict()) return value.dict().weight();
  if (value.is_generator()) return value.generator().weight;
  if (const auto* m = std::get_if<std::shared_ptr<const Method>>(&value.held()))
    return weight_of((*m)->self) + 1;
  return 1;
}

std::string_view type_name(const Value& value) {
  static constexpr std::string_view kSeq[] = {"list",      "tuple",       "range",
                                              "dict_keys", "dict_values", "dict_items"};
  static constexpr std::string_view kNames[] = {
      "Undefined", "NoneType", "bool",      "int",   "float",       "str",      "list",
      "generator", "dict",     "Namespace", "Macro", "LoopContext", "function", "method"};
  if (value.is_list()) return kSeq[static_cast<int>(value.list().kind)];
  return kNames[value.held().index()];
}

}  // namespace serval::jinja
