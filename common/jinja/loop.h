// The `loop` variable of one running for loop.
#pragma once

#include <memory>
#include <vector>

#include "common/jinja/value.h"

namespace serval::jinja {

struct Statement;
struct Scope;

struct Loop {
  std::vector<Value> items;
  std::size_t index0 = 0;
  int depth0 = 0;  // nesting of a recursive loop
  Value changed;   // what loop.changed() was last told
  bool changed_called = false;
  const Statement* recursive = nullptr;  // the for statement, if loop(...) may be called
  std::weak_ptr<Scope> scope;            // where that statement stands
};

}  // namespace serval::jinja
