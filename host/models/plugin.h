// One plugin that has been created: its table, behind functions that let nothing through.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "host/models/host_table.h"
#include "host/plugins/library.h"
#include "host/queue/log_sink.h"
#include "host/schema/config_schema.h"
#include "serval/plugin.h"

namespace serval::host {

// A model's configuration in our memory; abi() borrows from it.
struct ModelConfig {
  std::string name;
  std::string path;
  std::string config_json = "{}";
  std::string cache_dir;

  serval_model_config abi() const;
};

struct MemoryEstimate {
  uint64_t load_peak = 0;  // bytes of host memory while loading
  uint64_t steady = 0;     // and when it runs
};

struct PluginHealth {
  uint32_t state = SERVAL_HEALTH_OK;
  std::string reason;
};

// Exceptions of a plugin become internal errors. The [ctl] functions take the plugin's control
// lock, so calls from several threads queue up. All others may be called at any time.
class Plugin {
 public:
  // library: what entry lives in, nullptr if it is linked into this program.
  // Errors: the plugin's own, or what is wrong with its table or its schema.
  static Result<std::shared_ptr<Plugin>> create(const serval_entry& entry,
                                                std::unique_ptr<Library> library, LogSink log);
  ~Plugin();
  Plugin(const Plugin&) = delete;
  Plugin& operator=(const Plugin&) = delete;

  const std::string& id() const { return id_; }
  const std::string& version() const { return version_; }
  const std::vector<std::string>& ops() const { return ops_; }

  // invalid_argument with one line for each error, and the pointer of the first in `param`.
  Status check_config(const std::string& config_json) const;

  Result<MemoryEstimate> probe(const ModelConfig& config);                       // [ctl]
  Result<void*> open(const serval_model_config& config, serval_model_ref* ref);  // [ctl]
  Status start(void* model);                                                     // [ctl]
  Status quiesce(void* model, uint64_t deadline_ns);                             // [ctl]
  void close(void* model);                                                       // [ctl]
  void signal(void* model, uint32_t kind, uint64_t request_id);
  PluginHealth health(void* model);

 private:
  Plugin(const serval_descriptor& who, std::unique_ptr<Library> library, LogSink log);
  Status check_table() const;
  Status read_schema();

  const std::string id_;
  const std::string version_;
  std::vector<std::string> ops_;
  // Destroyed last to first: nothing of the plugin runs once its library is gone.
  std::unique_ptr<Library> library_;
  HostTable host_;
  const serval_plugin* table_ = nullptr;
  std::optional<ConfigSchema> schema_;
  std::mutex ctl_;
};

}  // namespace serval::host
