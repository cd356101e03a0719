// The functions a plugin calls, as the ABI's table.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include "host/queue/log_sink.h"
#include "serval/host.h"

namespace serval::host {

// At most so many lines of a plugin are logged in one go, and so many a second after that.
class LogBudget {
 public:
  // True if the line may pass; then `dropped` is how many were refused since the last that passed.
  bool take(uint64_t now_ns, uint64_t& dropped);

 private:
  std::mutex mutex_;
  uint64_t last_ns_ = 0;
  double left_ = 200;
  uint64_t dropped_ = 0;
};

// One plugin's host. Stays in place until the plugin is destroyed.
class HostTable {
 public:
  HostTable(std::string plugin_id, LogSink log);
  HostTable(const HostTable&) = delete;
  HostTable& operator=(const HostTable&) = delete;

  const serval_host* table() const { return &table_; }
  const std::string& plugin_id() const { return plugin_id_; }

  void log(uint32_t level, serval_str message, const serval_kv* fields, uint32_t n_fields,
           const serval_request* request);

 private:
  serval_host table_{};
  const std::string plugin_id_;
  const LogSink log_;
  LogBudget budget_;
};

}  // namespace serval::host
