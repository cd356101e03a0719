// A parsed template. Never changes after parsing, so any number of renderings may share it.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/jinja/registry.h"
#include "common/jinja/value.h"

namespace serval::jinja {

enum class Op : uint8_t {
  constant,
  name,
  list,
  tuple,
  dict,  // dict: key, value, key, value ...
  getattr,
  getitem,
  slice,  // slice: object, start, stop, step (null: left out)
  call,
  filter,
  test,  // child 0: what is called, filtered or tested
  negate,
  plus,
  not_,
  and_,
  or_,
  conditional,  // test, then, else (null: undefined)
  add,
  sub,
  mul,
  div,
  floordiv,
  mod,
  pow,
  concat,
  compare,  // operands; `compares` stands between them
  member,   // a target only: namespace.attribute
};
enum class Compare : uint8_t { eq, ne, lt, le, gt, ge, in, not_in };

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

struct Arguments {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> named;
  ExprPtr star, double_star;  // *rest, **rest
};

struct Expr {
  Op op;
  int line;
  int depth = 1;  // nodes from here to the deepest leaf
  int id = -1;    // name: index into Program::names
  Value constant;
  std::string text;  // name; attribute; name of the filter or test
  std::vector<ExprPtr> children;
  std::vector<Compare> compares;
  Arguments arguments;               // call, filter, test
  const Builtin* builtin = nullptr;  // the filter or test; null: none of this name
};

enum class Do : uint8_t {
  output,        // exprs
  if_,           // exprs: one test per body; one more body is the else
  for_,          // target, exprs: iterable and optional filter; bodies: loop, optional else
  set,           // target, exprs[0]
  set_block,     // target, bodies[0], exprs: optional filter chain
  macro,         // macro
  call_block,    // macro (the caller), exprs[0]: the call
  filter_block,  // exprs[0]: filter chain, bodies[0]
  with,          // targets, exprs, bodies[0]
  scope,         // bodies[0] in a scope of its own: {% generation %}
  break_,
  continue_,
};

struct Statement;
using StatementPtr = std::unique_ptr<Statement>;
using Body = std::vector<StatementPtr>;

struct MacroCode {
  std::string name;
  std::vector<std::pair<int, std::string>> parameters;  // id and name
  std::vector<ExprPtr> defaults;                        // of the last parameters
  Body body;
  bool uses_caller = false, uses_kwargs = false, uses_varargs = false;
};

struct Statement {
  Do what;
  int line;
  int id = -1;             // macro: the variable that holds it
  bool recursive = false;  // for
  std::vector<ExprPtr> targets;
  std::vector<ExprPtr> exprs;
  std::vector<Body> bodies;
  std::unique_ptr<MacroCode> macro;
};

struct Program {
  std::vector<std::string> names;                         // every variable the template mentions
  int loop = -1, caller = -1, kwargs = -1, varargs = -1;  // ids of the special ones
  Body body;
};

}  // namespace serval::jinja
