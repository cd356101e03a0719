#include "host/cli/server_app.h"

#include <csignal>
#include <unistd.h>

#include "host/cli/crash.h"
#include "host/cli/model_check.h"
#include "host/observability/forwarding_registry.h"
#include "host/observability/observers.h"
#include "host/observability/request_log.h"
#include "host/observability/server_metrics.h"
#include "host/protocols/admin/routes.h"
#include "host/protocols/cohere/routes.h"
#include "host/protocols/openai/routes.h"
#include "host/protocols/probes/routes.h"
#include "host/protocols/tei/routes.h"
#include "serval/host.h"

namespace serval::host {
namespace {

// Long enough for replies of cancelled requests to reach their clients.
constexpr uint64_t kLastRepliesNs = 2'000'000'000;

class DrainingRegistry final : public ForwardingRegistry {
 public:
  DrainingRegistry(ModelRegistry& inner, std::shared_ptr<const std::atomic<bool>> draining)
      : ForwardingRegistry(inner), draining_(std::move(draining)) {}

  bool ready(std::vector<std::string>* why_not) const override {
    if (!draining_->load()) return inner_.ready(why_not);
    if (why_not != nullptr) why_not->push_back("the server is shutting down");
    return false;
  }

 private:
  const std::shared_ptr<const std::atomic<bool>> draining_;
};

Error named(const char* key, const Error& cause) {
  return error(cause.code, std::string(key) + ": " + cause.message);
}

}  // namespace

Result<std::unique_ptr<ServerApp>> ServerApp::start(const ServerConfig& config,
                                                    std::shared_ptr<Logger> logger) {
  std::unique_ptr<ServerApp> app(new ServerApp);
  app->logger_ = std::move(logger);
  app->metrics_ = std::make_shared<Metrics>(std::size_t(config.limits.metric_series));
  for (auto step : {&ServerApp::load_secrets, &ServerApp::start_models, &ServerApp::start_network})
    if (Status status = (app.get()->*step)(config); !status.ok()) return status.error();
  return app;
}

ServerApp::~ServerApp() {
  if (server_) server_->stop();
}

void ServerApp::log(uint32_t level, std::string_view message, std::vector<LogField> fields) {
  logger_->write(level, message, fields);
}

Status ServerApp::load_secrets(const ServerConfig& config) {
  if (!config.auth.keys_file.empty()) {
    auto keys = KeyStore::open(config.auth.keys_file);
    if (!keys) return named("auth.keys_file", keys.error());
    keys_ = std::move(*keys);
  }
  if (!config.tls.cert.empty()) {
    auto tls = TlsContext::load(config.tls.cert, config.tls.key);
    if (!tls) return named("tls", tls.error());
    tls_ = std::move(*tls);
  }
  for (const Address& address : config.server.listen_addresses)
    if (!address.loopback() && tls_ == nullptr)
      log(SERVAL_LOG_WARN, "API keys and requests travel unencrypted on this address; set tls",
          {{"address", address.text()}});
  return {};
}

Status ServerApp::start_models(const ServerConfig& config) {
  PluginSetOptions options;
  options.directory = config.plugins.dir;
  options.scan.check_owner = config.plugins.check_owner;
  options.log = log_sink(logger_);
  auto plugins = PluginSet::load(std::move(options));
  if (!plugins) return named("plugins.dir", plugins.error());
  plugins_ = std::move(*plugins);
  remember_plugins();

  RegistryOptions registry;
  for (const ModelSection& model : config.models) {
    registry.models.push_back(model.spec);
    for (const std::string& text : check_model(model, *plugins_)) log(SERVAL_LOG_ERROR, text);
  }
  registry.plugins = plugins_;
  registry.stream = config.limits.stream;
  registry.stall_ns = config.limits.stall_ns;
  registry.drain_ns = config.limits.model_drain_ns;
  registry.memory_limit = config.limits.memory;
  registry.memory_reserve = config.limits.memory_reserve;
  registry.cache_dir = config.server.cache_dir;
  registry.observers = std::make_shared<MetricsObservers>(metrics_);
  registry.log = log_sink(logger_);
  auto models = make_model_registry(std::move(registry));
  if (!models) return named("model", models.error());
  models_ = std::move(*models);
  ModelRegistry* inner = models_.get();
  if (config.log.requests) {
    logged_ = log_requests(*models_, logger_);
    inner = logged_.get();
  }
  served_ = std::make_unique<DrainingRegistry>(*inner, draining_);
  return {};
}

std::shared_ptr<const Router> ServerApp::make_router(const ServerConfig& config, bool admin) {
  auto router = std::make_shared<Router>();
  add_probe_routes(*router, {.registry = served_.get(),
                             .metrics_page = [metrics = metrics_] { return metrics->page(); }});
  if (admin) {
    AdminOptions options;
    options.registry = served_.get();
    options.plugins = [plugins = plugins_] { return plugins->infos(); };
    // One signal only: the second one would skip the wait.
    options.drain = [draining = draining_] {
      if (!draining->exchange(true)) kill(getpid(), SIGTERM);
    };
    add_admin_routes(*router, options);
  } else {
    add_openai_routes(*router, {.registry = served_.get(),
                                .choices = config.limits.choices,
                                .items = config.limits.stream.max_index,
                                .body_bytes = config.limits.net.body_bytes,
                                .audio_bytes = config.limits.audio_bytes,
                                .response_bytes = config.limits.response_bytes});
    ItemRouteOptions items{.registry = served_.get(),
                           .order = {},
                           .items = config.limits.stream.max_index,
                           .body_bytes = config.limits.net.body_bytes,
                           .response_bytes = config.limits.response_bytes};
    for (const ModelSection& model : config.models) items.order.push_back(model.spec.name);
    add_tei_routes(*router, items, {SERVAL_VERSION, config.limits.net.connections});
    add_cohere_routes(*router, items);
  }
  return router;
}

Status ServerApp::start_network(const ServerConfig& config) {
  ServerOptions options;
  const auto listen = [&](const std::vector<Address>& addresses,
                          const std::shared_ptr<const Router>& router) {
    for (const Address& address : addresses)
      options.listeners.push_back({address.host, address.port, address.unix_path,
                                   address.unix_path.empty() ? tls_ : nullptr, router});
  };
  listen(config.server.listen_addresses, make_router(config, false));
  if (!config.server.admin_addresses.empty())
    listen(config.server.admin_addresses, make_router(config, true));
  options.limits = config.limits.net;
  options.threads = config.server.threads;
  options.authenticator = keys_;
  options.on_request = [logger = logger_, metrics = metrics_,
                        requests = config.log.requests](const RequestRecord& record) {
    if (requests) log_exchange(*logger, record);
    metrics
        ->counter("serval_http_requests_total", "HTTP exchanges, by route and status.",
                  {{"route", record.route}, {"status", std::to_string(record.status)}})
        ->add();
  };
  options.on_warning = [logger = logger_](std::string message) {
    logger->write(SERVAL_LOG_WARN, message);
  };
  auto server = HttpServer::start(std::move(options));
  if (!server) return named("server.listen", server.error());
  server_ = std::move(*server);
  add_pages();

  std::vector<Address> addresses = config.server.listen_addresses;
  const auto& admin = config.server.admin_addresses;
  addresses.insert(addresses.end(), admin.begin(), admin.end());
  const std::vector<uint16_t> ports = server_->ports();
  for (std::size_t i = 0; i < addresses.size() && i < ports.size(); ++i) {
    if (addresses[i].unix_path.empty()) addresses[i].port = ports[i];
    log(SERVAL_LOG_INFO, "listening",
        {{"address", addresses[i].text()},
         {"for", i < config.server.listen_addresses.size() ? "requests" : "admin"},
         {"tls", tls_ != nullptr && addresses[i].unix_path.empty() ? "yes" : "no"}});
  }
  return {};
}

void ServerApp::add_pages() {
  metrics_->on_page([this](MetricsPage& page) {
    print_models(page, models_->list());
    const NetStats net = server_->stats();
    const auto value = [&](const char* name, const char* help, const char* type, uint64_t number) {
      page.family(name, help, type);
      page.sample(name, Labels{}, double(number));
    };
    value("serval_connections", "Open connections.", "gauge", net.open_connections);
    value("serval_connections_total", "Connections accepted.", "counter", net.accepted_connections);
    value("serval_connections_refused_total", "Connections above a limit.", "counter",
          net.refused_connections);
    value("serval_http_running", "HTTP requests under way.", "gauge", net.running_requests);
    value("serval_log_dropped_total", "Log lines that nobody took in time.", "counter",
          logger_->dropped());
    page.family("serval_build_info", "The version of the server.", "gauge");
    page.sample("serval_build_info", Labels{{"version", SERVAL_VERSION}}, 1);
    print_process(page);
  });
}

void ServerApp::reload() {
  if (keys_ != nullptr) {
    const Status status = keys_->reload();
    if (status.ok())
      log(SERVAL_LOG_INFO, "keys reloaded", {{"keys", std::to_string(keys_->size())}});
    else
      log(SERVAL_LOG_ERROR, "keys not reloaded, the old ones stay",
          {{"reason", status.error().message}});
  }
  if (tls_ != nullptr) {
    const Status status = tls_->reload();
    if (status.ok())
      log(SERVAL_LOG_INFO, "certificate reloaded");
    else
      log(SERVAL_LOG_ERROR, "certificate not reloaded, the old one stays",
          {{"reason", status.error().message}});
  }
  if (keys_ == nullptr && tls_ == nullptr)
    log(SERVAL_LOG_INFO, "nothing to reload: neither keys nor a certificate are configured");
}

void ServerApp::announce_drain() {
  draining_->store(true);
  log(SERVAL_LOG_INFO, "draining: not ready from now on");
}

void ServerApp::stop_accepting() {
  models_->begin_drain();
  server_->drain();
  log(SERVAL_LOG_INFO, "draining: new requests are refused");
}

void ServerApp::shutdown(uint64_t deadline_ns) {
  models_->shutdown(deadline_ns);
  server_->wait_drained(now_ns() + kLastRepliesNs);
  server_->stop();
  log(SERVAL_LOG_INFO, "stopped");
}

void ServerApp::shutdown_now() { models_->shutdown_now(); }

}  // namespace serval::host
