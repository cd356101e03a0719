// One log line as text: bounded, on one line, whatever the values hold.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "host/queue/log_sink.h"

namespace serval::host {

constexpr std::size_t kLongestLogLine = 8u << 10;  // bytes, without newline

std::string_view log_level_name(uint32_t level);  // SERVAL_LOG_*

// unix_ns: wall clock. {"time":"2026-01-31T12:00:00.123Z","level":"info","message":"...","key":"v"}
std::string json_log_line(int64_t unix_ns, uint32_t level, std::string_view message,
                          std::span<const LogField> fields);

// 2026-01-31T12:00:00.123Z info  message key=v key="v with space"
std::string text_log_line(int64_t unix_ns, uint32_t level, std::string_view message,
                          std::span<const LogField> fields);

}  // namespace serval::host
