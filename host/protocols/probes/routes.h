// What orchestrators and Prometheus ask: /livez, /readyz[?verbose], /metrics.
#pragma once

#include <functional>
#include <string>

#include "host/models/registry.h"
#include "host/net/router.h"

namespace serval::host {

struct ProbeOptions {
  ModelRegistry* registry = nullptr;  // required; outlives the router
  // The page for Prometheus; empty: no /metrics. Needs the metrics scope.
  std::function<std::string()> metrics_page;
  std::string metrics_type = "text/plain; version=0.0.4; charset=utf-8";
};

void add_probe_routes(Router& router, const ProbeOptions& options);

}  // namespace serval::host
