// Finds filters by name.
#include <algorithm>

#include "common/jinja/registry.h"

namespace serval::jinja {

const Builtin* find_filter(std::string_view name) {
  for (const auto table : {text_filters(), list_filters(), select_filters(), number_filters()}) {
    const auto at =
        std::find_if(table.begin(), table.end(), [&](const Builtin& f) { return f.name == name; });
    if (at != table.end()) return &*at;
  }
  return nullptr;
}

}  // namespace serval::jinja
