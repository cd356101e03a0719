// toml++, whose code is compiled once, in toml.cc. Only parse_toml() may call its parser: it
// throws.
#pragma once

#include <stdexcept>

namespace serval::host {

// Version 3.3 holds as true, in some states after a syntax error, what such a text makes false
// ("x = [}]"): an abort in debug builds and undefined behaviour in others. So the checks stay in
// all builds, and give a syntax error.
struct TomlCheckFailed : std::runtime_error {
  TomlCheckFailed() : std::runtime_error("unexpected character") {}
};

}  // namespace serval::host

#define TOML_HEADER_ONLY 0
#define TOML_EXCEPTIONS 1
#define TOML_SHARED_LIB 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ASSERT(condition)                                 \
  do {                                                         \
    if (!(condition)) throw ::serval::host::TomlCheckFailed(); \
  } while (false)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wterminate"  // checks inside noexcept functions of the header
#pragma push_macro("NDEBUG")
#undef NDEBUG
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")
#pragma GCC diagnostic pop
