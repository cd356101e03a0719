#include "host/protocols/admin/routes.h"

#include "common/json.h"
#include "host/request/request.h"

namespace serval::host {
namespace {

constexpr std::string_view code_name(Code code) {
  switch (code) {
    case Code::invalid_argument:
      return "invalid_argument";
    case Code::unauthenticated:
      return "unauthenticated";
    case Code::permission_denied:
      return "permission_denied";
    case Code::not_found:
      return "not_found";
    case Code::already_exists:
      return "already_exists";
    case Code::failed_precondition:
      return "failed_precondition";
    case Code::resource_exhausted:
      return "resource_exhausted";
    case Code::unimplemented:
      return "unimplemented";
    case Code::unavailable:
      return "unavailable";
    default:
      return "internal";
  }
}

HttpResponse json_response(int status, const json::value& body) {
  HttpResponse response;
  response.status = status;
  response.headers.add("content-type", "application/json");
  response.body = json::serialize(body);
  return response;
}

HttpResponse admin_error(int status, const Error& error) {
  HttpResponse response = json_response(
      status,
      {{"error", {{"message", error.message}, {"code", std::string(code_name(error.code))}}}});
  if (error.retry_after_ms != 0)
    response.headers.add("retry-after",
                         std::to_string((uint64_t(error.retry_after_ms) + 999) / 1000));
  return response;
}

json::value as_json(const ModelInfo& model) {
  json::array ops;
  for (const std::string& op : model.ops) ops.emplace_back(op);
  return {{"name", model.name},
          {"state", std::string(model_state_name(model.state))},
          {"reason", model.reason},
          {"load_per_mille", model.load_per_mille},
          {"version", model.version},
          {"created_unix", model.created_unix},
          {"plugin", {{"id", model.plugin_id}, {"version", model.plugin_version}}},
          {"path", model.path},
          {"ops", std::move(ops)},
          {"requests",
           {{"waiting", model.waiting}, {"running", model.running}, {"parked", model.parked}}},
          {"memory_bytes", model.memory_bytes},
          {"step_age_ms", model.step_age_ns / 1'000'000}};
}

json::value as_json(const PluginInfo& plugin) {
  return {{"path", plugin.path.string()},
          {"id", plugin.id},
          {"version", plugin.version},
          {"abi", std::to_string(plugin.abi_major) + "." + std::to_string(plugin.abi_minor)},
          {"cpu", plugin.cpu},
          {"sha256", plugin.sha256},
          {"accepted", plugin.accepted()},
          {"refusal", plugin.refusal}};
}

HttpResponse list_models(const ModelRegistry& registry) {
  json::array models;
  for (const ModelInfo& model : registry.list()) models.push_back(as_json(model));
  return json_response(200, {{"models", std::move(models)}});
}

// Loading and unloading only start here; GET /admin/models tells how far it is.
HttpResponse started(const Status& status, const std::string& name) {
  if (!status) return admin_error(http_status(status.error().code), status.error());
  return json_response(202, {{"model", name}, {"started", true}});
}

}  // namespace

void add_admin_routes(Router& router, const AdminOptions& options) {
  router.set_error_form("/admin", admin_error);
  ModelRegistry* registry = options.registry;
  router.add({"GET", "/admin/models", kScopeAdmin,
              [registry](HttpRequest) -> Handled { return list_models(*registry); }, 0});
  router.add({"POST", "/admin/models/{}/load", kScopeAdmin,
              [registry](HttpRequest http) -> Handled {
                return started(registry->load(http.tail), http.tail);
              },
              0});
  router.add({"POST", "/admin/models/{}/unload", kScopeAdmin,
              [registry](HttpRequest http) -> Handled {
                return started(registry->unload(http.tail), http.tail);
              },
              0});
  if (options.plugins) {
    router.add({"GET", "/admin/plugins", kScopeAdmin,
                [plugins = options.plugins](HttpRequest) -> Handled {
                  json::array list;
                  for (const PluginInfo& plugin : plugins()) list.push_back(as_json(plugin));
                  return json_response(200, {{"plugins", std::move(list)}});
                },
                0});
  }
  if (options.drain) {
    router.add({"POST", "/admin/drain", kScopeAdmin,
                [drain = options.drain](HttpRequest) -> Handled {
                  drain();
                  return json_response(202, {{"draining", true}});
                },
                0});
  }
}

}  // namespace serval::host
