// Attributes, subscripts, slices, str() and repr(), and the reading of arguments.
#include "common/jinja/interpreter.h"
#include "common/jinja/loop.h"
#include "common/jinja/runtime.h"
#include "common/jinja/text.h"

namespace serval::jinja {
namespace {

std::string object_name(const Value& object) {
  return object.is_none() ? "None" : "'" + std::string(type_name(object)) + " object'";
}

// Python moves positions outside the sequence to its ends.
int64_t clamp_index(Int index, int64_t size, int64_t low, int64_t high) {
  if (index < 0) index += size;
  return static_cast<int64_t>(std::min<Int>(std::max<Int>(index, low), high));
}

}  // namespace

Value Runtime::loop_attribute(const Value& object, const std::string& name) {
  const Loop& loop = *object.loop();
  const auto n = static_cast<Int>(loop.items.size());
  const auto i = static_cast<Int>(loop.index0);
  if (name == "index") return i + 1;
  if (name == "index0") return i;
  if (name == "first") return i == 0;
  if (name == "last") return i + 1 >= n;
  if (name == "length") return n;
  if (name == "revindex") return n - i;
  if (name == "revindex0") return n - i - 1;
  if (name == "depth") return Int{loop.depth0} + 1;
  if (name == "depth0") return Int{loop.depth0};
  if (name == "previtem")
    return i == 0 ? undefined("there is no previous item") : loop.items.at(loop.index0 - 1);
  if (name == "nextitem")
    return i + 1 >= n ? undefined("there is no next item") : loop.items.at(loop.index0 + 1);
  const int id = find_method(object, name);
  if (id >= 0) return method(object, static_cast<MethodId>(id));
  return undefined("the loop variable has no attribute " + quote(name));
}

Value Runtime::macro_attribute(const Value& object, const std::string& name) {
  const MacroCode& code = *std::get<const Macro*>(object.held())->code;
  if (name == "name") return text(code.name);
  if (name != "arguments") return undefined("the macro has no attribute " + quote(name));
  std::vector<Value> names;
  for (const auto& [id, parameter] : code.parameters) names.push_back(text(parameter));
  return list(std::move(names), Seq::tuple);
}

Value Runtime::getattr(const Value& object, const std::string& name) {
  spend(1);
  if (object.is_undefined()) missing(object.undefined());
  if (object.is_loop()) return loop_attribute(object, name);
  if (std::holds_alternative<const Macro*>(object.held())) return macro_attribute(object, name);
  if (object.is_namespace()) {
    if (const Value* member = object.space().members.find(std::string_view(name))) return *member;
    return undefined("the namespace has no attribute " + quote(name));
  }
  // Attributes come before items: {'items': 1}.items is the method.
  if (is_forbidden(object, name))
    return undefined("access to attribute " + quote(name) + " of " + object_name(object) +
                     " is unsafe: a template must not change values");
  const int id = find_method(object, name);
  if (id >= 0) return method(object, static_cast<MethodId>(id));
  if (is_known_attribute(object, name))
    fail("the attribute " + quote(name) + " of " + object_name(object) + " is not supported");
  if (object.is_dict())
    if (const Value* member = object.dict().find(std::string_view(name))) return *member;
  return undefined(object_name(object) + " has no attribute " + quote(name));
}

Value Runtime::getitem(const Value& object, const Value& key) {
  spend(1);
  if (object.is_undefined()) missing(object.undefined());
  if (object.is_dict()) {
    spend(object.dict().other_keys());
    if (const Value* member = object.dict().find(key)) return *member;
  }
  const bool indexed =
      object.is_seq(Seq::list) || object.is_seq(Seq::tuple) || object.is_seq(Seq::range);
  if (key.is_integral() && (indexed || object.is_string())) {
    const Int size = length(object);
    Int i = key.as_int();
    if (i < 0) i += size;
    if (i < 0 || i >= size)
      return undefined(object_name(object) + " has no element " + int_text(key.as_int()));
    if (indexed) return object.list().items[static_cast<std::size_t>(i)];
    const std::string& text = object.text();
    read(text.size());
    const bool plain = text.size() == object.string().length;
    const std::size_t at =
        plain ? static_cast<std::size_t>(i) : byte_offset(text, static_cast<std::size_t>(i));
    return this->text(text.substr(at, decode(text, at).size));
  }
  if (key.is_string() && !object.is_dict()) return getattr(object, key.text());
  if (key.is_string()) {  // a method of the dict: message['items']
    const std::string& name = key.text();
    if (is_forbidden(object, name) || find_method(object, name) >= 0) return getattr(object, name);
    return undefined(object_name(object) + " has no attribute " + quote(name));
  }
  return undefined(object_name(object) + " has no element " + repr(key));
}

Value Runtime::slice(const Value& object, const Value& start, const Value& stop,
                     const Value& step) {
  if (object.is_undefined()) missing(object.undefined());
  const bool indexed =
      object.is_seq(Seq::list) || object.is_seq(Seq::tuple) || object.is_seq(Seq::range);
  if (!indexed && !object.is_string())
    fail("'" + std::string(type_name(object)) + "' object cannot be sliced");
  const auto bound = [&](const Value& value) {
    if (value.is_undefined()) missing(value.undefined());
    if (!value.is_integral()) fail("slice indices must be integers or None");
    return value.as_int();
  };
  const auto size = static_cast<int64_t>(length(object));
  const Int wanted = step.is_none() ? Int{1} : bound(step);
  if (wanted == 0) fail("slice step cannot be zero");
  // A stride past the end takes one element, whatever its size.
  const auto stride =
      static_cast<int64_t>(std::min<Int>(std::max<Int>(wanted, -size - 1), size + 1));
  const bool forward = stride > 0;
  const int64_t low = forward ? 0 : -1, high = forward ? size : size - 1;
  const int64_t from =
      start.is_none() ? (forward ? 0 : size - 1) : clamp_index(bound(start), size, low, high);
  const int64_t to =
      stop.is_none() ? (forward ? size : -1) : clamp_index(bound(stop), size, low, high);
  spend(static_cast<uint64_t>(size) / 16 + 1);
  if (indexed) {
    std::vector<Value> items;
    for (int64_t i = from; forward ? i < to : i > to; i += stride)
      items.push_back(object.list().items[static_cast<std::size_t>(i)]);
    return list(std::move(items),
                object.list().kind == Seq::range ? Seq::list : object.list().kind);
  }
  const std::string& text = object.text();
  const bool markup = object.string().markup;
  if (stride == 1 && text.size() == object.string().length)
    return this->text(
        from < to ? text.substr(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from))
                  : std::string(),
        markup);
  take(text.size() * sizeof(uint32_t));
  const std::vector<uint32_t> starts = code_point_starts(text);
  std::string out;
  for (int64_t i = from; forward ? i < to : i > to; i += stride) {
    const auto at = static_cast<std::size_t>(i);
    out.append(text, starts[at], starts[at + 1] - starts[at]);
  }
  return this->text(std::move(out), markup);
}

std::string Runtime::str(const Value& value) {
  if (value.is_string()) return value.text();
  if (value.is_undefined()) return {};
  return repr(value);
}

std::string Runtime::repr(const Value& value) {
  spend(weight_of(value));
  std::string out;
  append_repr(out, value);
  return out;
}

void Runtime::append_repr(std::string& out, const Value& value) {
  Level level(*this);
  check_text(out.size());
  if (value.is_undefined()) {
    out += "Undefined";
  } else if (value.is_none()) {
    out += "None";
  } else if (value.is_bool()) {
    out += value.as_bool() ? "True" : "False";
  } else if (value.is_int()) {
    out += int_text(value.as_int());
  } else if (value.is_float()) {
    out += float_text(value.as_double());
  } else if (value.is_string()) {
    const std::string quoted = quote(value.text());
    out += value.string().markup ? "Markup(" + quoted + ")" : quoted;
  } else if (value.is_list()) {
    const List& list = value.list();
    if (list.kind == Seq::range) {
      out += "range(" + std::to_string(list.range[0]) + ", " + std::to_string(list.range[1]);
      out += (list.range[2] == 1 ? "" : ", " + std::to_string(list.range[2])) + ")";
      return;
    }
    const bool view = list.kind != Seq::list && list.kind != Seq::tuple;
    if (view) out += std::string(type_name(value)) + "(";
    out += list.kind == Seq::tuple ? "(" : "[";
    for (std::size_t i = 0; i < list.items.size(); ++i) {
      if (i > 0) out += ", ";
      append_repr(out, list.items[i]);
    }
    if (list.kind == Seq::tuple && list.items.size() == 1) out += ",";
    out += list.kind == Seq::tuple ? ")" : "]";
    if (view) out += ")";
  } else if (value.is_dict() || value.is_namespace()) {
    const Dict& dict = value.is_dict() ? value.dict() : value.space().members;
    if (value.is_namespace()) {
      spend(dict.weight());
      out += "<Namespace ";
    }
    out += "{";
    bool first = true;
    for (const auto& [key, member] : dict.entries()) {
      if (!first) out += ", ";
      first = false;
      append_repr(out, key);
      out += ": ";
      append_repr(out, member);
    }
    out += value.is_namespace() ? "}>" : "}";
  } else if (value.is_loop()) {
    out += "<LoopContext " + std::to_string(value.loop()->index0 + 1) + "/" +
           std::to_string(value.loop()->items.size()) + ">";
  } else if (const auto* macro = std::get_if<const Macro*>(&value.held())) {
    out += "<Macro " + quote((*macro)->code->name) + ">";
  } else {
    // Python prints an address here; nothing a template could rely on.
    out += "<" + std::string(type_name(value)) + " object>";
  }
}

Value attribute_path(Runtime& run, Value object, const Value& path, const Value* otherwise) {
  const auto step = [&](const Value& key) {
    object = run.getitem(object, key);
    if (otherwise && !otherwise->is_none() && object.is_undefined()) object = *otherwise;
  };
  if (path.is_none()) return object;
  if (!path.is_string()) {
    step(path);
    return object;
  }
  for (std::string_view part : split(path.text(), ".", -1)) {
    const bool digits =
        !part.empty() && part.size() < 18 && part.find_first_not_of("0123456789") == part.npos;
    step(digits ? Value(Int{std::stoll(std::string(part))}) : run.text(part));
  }
  return object;
}

const Value* Reader::find(std::string_view name) {
  const std::size_t at = position_++;
  if (at < args_.positional.size()) return &args_.positional[at];
  for (std::size_t i = 0; i < args_.named.size(); ++i) {
    if (args_.named[i].first != name) continue;
    used_[i] = true;
    return &args_.named[i].second;
  }
  return nullptr;
}

Value Reader::get(std::string_view name, Value otherwise) {
  const Value* value = find(name);
  return value ? *value : std::move(otherwise);
}

Value Reader::need(std::string_view name) {
  const Value* value = find(name);
  if (!value) run_.fail(std::string(function_) + " misses its argument " + quote(name));
  return *value;
}

bool Reader::flag(std::string_view name, bool otherwise) {
  const Value* value = find(name);
  return value ? truth(*value) : otherwise;
}

int64_t Reader::integer(std::string_view name, int64_t otherwise) {
  const Value* value = find(name);
  return value ? to_index(run_, *value, name) : otherwise;
}

std::string Reader::text(std::string_view name, std::string_view otherwise) {
  const Value* value = find(name);
  if (!value) return std::string(otherwise);
  if (!value->is_string())
    run_.fail(std::string(function_) + ": " + std::string(name) + " must be a string, not '" +
              std::string(type_name(*value)) + "'");
  return value->text();
}

void Reader::finish() {
  if (args_.positional.size() > position_)
    run_.fail(std::string(function_) + " takes at most " + std::to_string(position_) +
              " arguments");
  for (std::size_t i = 0; i < used_.size(); ++i)
    if (!used_[i])
      run_.fail(std::string(function_) + " has no argument " + quote(args_.named[i].first));
}

}  // namespace serval::jinja
