// toml++ with errors as values; its code is compiled once, in toml.cc.
#pragma once

#define TOML_HEADER_ONLY 0
#define TOML_EXCEPTIONS 0
#define TOML_SHARED_LIB 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>
