#include "host/observability/logger.h"

#include <chrono>
#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "host/observability/log_line.h"

namespace serval::host {

struct Logger::Impl {
  LoggerOptions options;
  std::shared_ptr<spdlog::details::thread_pool> writer;
  std::shared_ptr<spdlog::async_logger> lines;
};

Logger::Logger(const LoggerOptions& options) : impl_(std::make_unique<Impl>()) {
  impl_->options = options;
  impl_->writer = std::make_shared<spdlog::details::thread_pool>(options.waiting_lines, 1);
  spdlog::sink_ptr sink;
  if (options.stream != nullptr)
    sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(*options.stream, true);
  else
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  impl_->lines = std::make_shared<spdlog::async_logger>(
      "serval", sink, impl_->writer, spdlog::async_overflow_policy::overrun_oldest);
  impl_->lines->set_pattern("%v");
  impl_->lines->set_level(spdlog::level::trace);  // what is written is decided here
}

Logger::~Logger() = default;  // the writer's destructor ends its thread behind the last line

bool Logger::enabled(uint32_t level) const { return level >= impl_->options.level; }

void Logger::write(uint32_t level, std::string_view message, std::span<const LogField> fields) {
  if (!enabled(level)) return;
  const int64_t now = std::chrono::duration_cast<std::chrono::nanoseconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
  const std::string line = impl_->options.json ? json_log_line(now, level, message, fields)
                                               : text_log_line(now, level, message, fields);
  impl_->lines->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

uint64_t Logger::dropped() const { return impl_->writer->overrun_counter(); }

LogSink log_sink(std::shared_ptr<Logger> logger) {
  return [logger = std::move(logger)](uint32_t level, std::string_view message,
                                      std::span<const LogField> fields) {
    logger->write(level, message, fields);
  };
}

}  // namespace serval::host
