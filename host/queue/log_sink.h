// Where the host's core writes its log lines; the observability layer gives the function.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace serval::host {

struct LogField {
  std::string_view key;
  std::string value;
};

// level: SERVAL_LOG_*. Called from any thread, without locks held; must not block for long. Texts
// may come from plugins: valid UTF-8 but with any control characters, which the writer escapes.
using LogSink =
    std::function<void(uint32_t level, std::string_view message, std::span<const LogField> fields)>;

}  // namespace serval::host
