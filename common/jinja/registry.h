// Filters, tests, methods and global functions: their names, and the one form all of them have.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/jinja/value.h"

namespace serval::jinja {

class Runtime;

struct Args {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

// self: the value that is filtered or tested or whose method it is; none for a global.
using Function = Value (*)(Runtime& run, const Value& self, Args& args);

struct Builtin {
  std::string_view name;
  Function call;
};

struct Global {
  std::string_view name;
  Function call;
};

// Null if there is none of this name.
const Builtin* find_filter(std::string_view name);
const Builtin* find_test(std::string_view name);
const Global* find_global(std::string_view name);

// The tables, each in its own file.
std::span<const Builtin> text_filters();
std::span<const Builtin> list_filters();
std::span<const Builtin> select_filters();
std::span<const Builtin> number_filters();

}  // namespace serval::jinja
