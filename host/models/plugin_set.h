// The plugins a server has loaded.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "host/plugins/plugin_info.h"
#include "host/plugins/scan.h"
#include "host/queue/log_sink.h"
#include "serval/plugin.h"

namespace serval::host {

class Plugin;  // host/models/plugin.h

struct PluginSetOptions {
  std::filesystem::path directory;  // "": no drop-in directory
  ScanOptions scan;
  std::filesystem::path run_dir;             // private copies go here; "": anonymous memory
  std::vector<const serval_entry*> entries;  // plugins linked into this program
  LogSink log;
};

// Immutable once made; thread-safe. Destroys its plugins with itself: all models are closed before.
class PluginSet {
 public:
  // Loads what can be loaded; a file that cannot is logged (one warning each: path, rule, fix) and
  // stands in infos() with its refusal. Fails only if the directory cannot be used.
  static Result<std::shared_ptr<PluginSet>> load(PluginSetOptions options);
  ~PluginSet();

  const std::vector<PluginInfo>& infos() const { return infos_; }
  const std::vector<std::shared_ptr<Plugin>>& plugins() const { return plugins_; }
  std::shared_ptr<Plugin> find(std::string_view id) const;  // nullptr if not loaded

  // Checks a [model.config] table (a JSON object) with the plugin's schema/1. All errors in one
  // message, one line each, with JSON pointers. not_found: no such plugin.
  Status check_config(std::string_view plugin_id, std::string_view config_json) const;

 private:
  PluginSet() = default;
  std::vector<PluginInfo> infos_;
  std::vector<std::shared_ptr<Plugin>> plugins_;
};

}  // namespace serval::host
