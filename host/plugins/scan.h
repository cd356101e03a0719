// The drop-in directory: which plugins there are and why others are refused. Runs no plugin code.
#pragma once

#include <filesystem>
#include <functional>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "host/plugins/plugin_info.h"

namespace serval::host {

struct ScanOptions {
  bool check_owner =
      true;  // refuse files and folders that others than root and this user can change
  std::function<bool(std::string_view feature)> cpu_has;  // empty: this machine
};

// Looks at every *.so in `directory`, sorted by name; other files are not plugins. Files that
// cannot be used are in the list with their refusal. Fails only when the directory itself cannot be
// used: not_found, permission_denied (others may write to it).
Result<std::vector<PluginInfo>> scan_plugins(const std::filesystem::path& directory,
                                             const ScanOptions& options = {});

}  // namespace serval::host
