// Administration: models, plugins, drain. Every route needs the admin scope; serve them on a
// listener of their own where possible.
#pragma once

#include <functional>
#include <vector>

#include "host/models/registry.h"
#include "host/net/router.h"
#include "host/plugins/plugin_info.h"

namespace serval::host {

struct AdminOptions {
  ModelRegistry* registry = nullptr;                 // required; outlives the router
  std::function<std::vector<PluginInfo>()> plugins;  // empty: no /admin/plugins
  std::function<void()> drain;  // starts the drain and returns; empty: no /admin/drain
};

// GET /admin/models, POST /admin/models/{name}/load, /admin/models/{name}/unload, GET
// /admin/plugins, POST /admin/drain. Errors: {"error":{"message","code"}}.
void add_admin_routes(Router& router, const AdminOptions& options);

}  // namespace serval::host
