// The whole server of one configuration: plugins, models, network.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "host/config/server_config.h"
#include "host/models/make_registry.h"
#include "host/net/server.h"
#include "host/observability/logger.h"
#include "host/observability/metrics.h"
#include "host/security/key_store.h"

namespace serval::host {

class ServerApp {
 public:
  // Opens the ports and starts loading the models in the background. Errors name the configuration
  // key they belong to.
  static Result<std::unique_ptr<ServerApp>> start(const ServerConfig& config,
                                                  std::shared_ptr<Logger> logger);
  ~ServerApp();

  // Reads keys and certificates again; what fails stays as it was. Says both in the log.
  void reload();

  // The steps of a drain, in this order.
  void announce_drain();                // /readyz says no; all else goes on
  void stop_accepting();                // new requests are refused, running ones go on
  void shutdown(uint64_t deadline_ns);  // waits for them, then cancels the rest. Blocks
  void shutdown_now();                  // ends that wait; any thread

 private:
  ServerApp() = default;
  Status load_secrets(const ServerConfig& config);
  Status start_models(const ServerConfig& config);
  Status start_network(const ServerConfig& config);
  void add_pages();
  std::shared_ptr<const Router> make_router(const ServerConfig& config, bool admin);
  void log(uint32_t level, std::string_view message, std::vector<LogField> fields = {});

  std::shared_ptr<Logger> logger_;
  std::shared_ptr<Metrics> metrics_;
  std::shared_ptr<KeyStore> keys_;
  std::shared_ptr<TlsContext> tls_;
  std::shared_ptr<PluginSet> plugins_;
  std::unique_ptr<ModelRegistry> models_;
  std::unique_ptr<ModelRegistry> logged_;  // models_ with a line for each request
  std::unique_ptr<ModelRegistry> served_;  // the one the routes see: not ready once draining
  std::shared_ptr<std::atomic<bool>> draining_ = std::make_shared<std::atomic<bool>>(false);
  std::unique_ptr<HttpServer> server_;
};

}  // namespace serval::host
