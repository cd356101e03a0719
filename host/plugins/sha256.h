// SHA-256 of bytes, as lower-case hex.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "common/result.h"

namespace serval::host {

Result<std::string> sha256_hex(std::span<const std::byte> bytes);

}  // namespace serval::host
