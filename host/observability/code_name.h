// Status codes as log lines and metrics spell them.
#pragma once

#include <string_view>

#include "common/result.h"

namespace serval::host {

// "ok", "invalid_argument", ...; "unknown" for numbers that are no code.
std::string_view code_name(Code code);

}  // namespace serval::host
