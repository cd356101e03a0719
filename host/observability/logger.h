// The server's log: lines to standard error, written by a thread of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "host/queue/log_sink.h"

namespace serval::host {

struct LoggerOptions {
  uint32_t level = 1;  // SERVAL_LOG_*: lines below it are not written
  bool json = true;
  std::size_t waiting_lines = 8192;
  std::ostream* stream = nullptr;  // null: standard error. Outlives the logger
};

// Thread-safe; never waits for the reader of the log. When lines come faster than they are written,
// the oldest are dropped and counted.
class Logger {
 public:
  explicit Logger(const LoggerOptions& options);
  ~Logger();  // writes what waits
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  bool enabled(uint32_t level) const;
  void write(uint32_t level, std::string_view message, std::span<const LogField> fields = {});
  uint64_t dropped() const;

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

// For the host's layers; keeps the logger alive.
LogSink log_sink(std::shared_ptr<Logger> logger);

}  // namespace serval::host
