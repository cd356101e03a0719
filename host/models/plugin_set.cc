#include "host/models/plugin_set.h"

#include <algorithm>

#include "host/models/plugin.h"
#include "host/plugins/library.h"

namespace serval::host {
namespace {

Result<std::shared_ptr<Plugin>> load_file(const PluginInfo& info, const PluginSetOptions& options) {
  auto library = Library::load(info, options.run_dir, options.log);
  if (!library) return library.error();
  const serval_entry& entry = (*library)->entry();
  return Plugin::create(entry, std::move(*library), options.log);
}

void log_refusal(const PluginInfo& info, const LogSink& log) {
  if (!log) return;
  const LogField fields[] = {{"path", info.path.string()}, {"reason", info.refusal}};
  log(SERVAL_LOG_WARN, "plugin refused", fields);
}

void log_loaded(const PluginInfo& info, const LogSink& log) {
  if (!log) return;
  const LogField fields[] = {{"plugin", info.id},
                             {"version", info.version},
                             {"path", info.path.string()},
                             {"sha256", info.sha256}};
  log(SERVAL_LOG_INFO, "plugin loaded", fields);
}

PluginInfo info_of(const serval_entry& entry) {
  PluginInfo info;
  info.path = "(linked in)";
  if (Status status = check_entry(entry); !status) {
    info.refusal = status.error().message;
    return info;
  }
  info.id = entry.descriptor->id;
  info.version = entry.descriptor->version;
  info.abi_major = entry.abi_major;
  info.abi_minor = entry.abi_minor;
  info.min_host_minor = entry.min_host_minor;
  return info;
}

}  // namespace

Result<std::shared_ptr<PluginSet>> PluginSet::load(PluginSetOptions options) {
  std::shared_ptr<PluginSet> set(new PluginSet);
  const auto keep = [&](PluginInfo info, auto&& make) {
    if (info.accepted() && set->find(info.id) != nullptr)
      info.refusal = "the id " + info.id + " is taken by another plugin; remove one of the two";
    if (info.accepted()) {
      if (auto plugin = make(info)) {
        set->plugins_.push_back(std::move(*plugin));
      } else {
        info.refusal = plugin.error().message;
      }
    }
    info.accepted() ? log_loaded(info, options.log) : log_refusal(info, options.log);
    set->infos_.push_back(std::move(info));
  };
  for (const serval_entry* entry : options.entries)
    keep(info_of(*entry),
         [&](const PluginInfo&) { return Plugin::create(*entry, nullptr, options.log); });
  if (!options.directory.empty()) {
    auto infos = scan_plugins(options.directory, options.scan);
    if (!infos) return infos.error();
    for (PluginInfo& info : *infos)
      keep(std::move(info), [&](const PluginInfo& file) { return load_file(file, options); });
  }
  return set;
}

PluginSet::~PluginSet() = default;

std::shared_ptr<Plugin> PluginSet::find(std::string_view id) const {
  const auto it = std::find_if(plugins_.begin(), plugins_.end(),
                               [id](const auto& plugin) { return plugin->id() == id; });
  return it == plugins_.end() ? nullptr : *it;
}

Status PluginSet::check_config(std::string_view plugin_id, std::string_view config_json) const {
  const auto plugin = find(plugin_id);
  if (!plugin) return error(Code::not_found, "no plugin " + std::string(plugin_id) + " is loaded");
  return plugin->check_config(std::string(config_json));
}

}  // namespace serval::host
