#include "host/protocols/probes/routes.h"

namespace serval::host {
namespace {

HttpResponse text(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.headers.add("content-type", "text/plain; charset=utf-8");
  response.headers.add("cache-control", "no-store");
  response.body = std::move(body);
  return response;
}

// One line a model: name, state and, if it is not ready, why.
std::string model_lines(const ModelRegistry& registry) {
  std::string out;
  for (const ModelInfo& model : registry.list()) {
    out.append(model.name).append(": ").append(model_state_name(model.state));
    if (!model.reason.empty()) out.append(" (").append(model.reason).append(")");
    out += '\n';
  }
  return out;
}

bool asks_verbose(const std::string& query) {
  return query == "verbose" || query == "verbose=1" || query == "verbose=true";
}

HttpResponse readyz(const ModelRegistry& registry, const std::string& query) {
  std::vector<std::string> why_not;
  const bool ready = registry.ready(&why_not);
  std::string body = ready ? "ok\n" : "not ready\n";
  if (!ready)
    for (const std::string& line : why_not) body.append(line).append("\n");
  if (asks_verbose(query)) body += model_lines(registry);
  HttpResponse response = text(ready ? 200 : 503, std::move(body));
  if (!ready) response.headers.add("retry-after", "1");
  return response;
}

}  // namespace

void add_probe_routes(Router& router, const ProbeOptions& options) {
  const ModelRegistry* registry = options.registry;
  router.add(
      {"GET", "/livez", kScopeNone, [](HttpRequest) -> Handled { return text(200, "ok\n"); }, 0});
  router.add({"GET", "/readyz", kScopeNone,
              [registry](HttpRequest http) -> Handled { return readyz(*registry, http.query); },
              0});
  if (!options.metrics_page) return;
  router.add({"GET", "/metrics", kScopeMetrics,
              [page = options.metrics_page, type = options.metrics_type](HttpRequest) -> Handled {
                HttpResponse response;
                response.headers.add("content-type", type);
                response.body = page();
                return response;
              },
              0});
}

}  // namespace serval::host
