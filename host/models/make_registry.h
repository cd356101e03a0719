// Makes the registry of this server's models. See registry.h for what it does.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "host/models/plugin_set.h"
#include "host/models/registry.h"
#include "host/queue/limits.h"
#include "host/queue/log_sink.h"
#include "host/queue/observer.h"

namespace serval::host {

// What happens to the running version while a new one loads.
enum class SwapPolicy {
  availability,  // it serves until the new one is ready; needs memory for both
  resource,      // it is unloaded first; requests wait in the queue meanwhile
};

struct ModelSpec {
  std::string name;
  std::string plugin;  // id; "": the only plugin whose probe accepts the path
  std::string path;
  std::string config_json = "{}";
  SwapPolicy swap = SwapPolicy::availability;
  QueueLimits queue;
  bool autoload = true;  // load when the registry starts
};

struct RegistryOptions {
  std::vector<ModelSpec> models;  // names must differ
  std::shared_ptr<PluginSet> plugins;
  StreamLimits stream;
  uint64_t stall_ns = 60ull * 1'000'000'000;   // running and no beat for so long: not ready
  uint64_t drain_ns = 600ull * 1'000'000'000;  // longest drain of a version on unload and swap
  uint64_t memory_limit =
      0;  // bytes all models together may use by their estimates; 0: the machine's
  uint64_t memory_reserve = 256ull << 20;      // bytes that must stay available after a load
  std::filesystem::path cache_dir;             // derived files of plugins; "": none
  std::shared_ptr<ObserverFactory> observers;  // may be null
  LogSink log;                                 // may be empty
  std::function<uint64_t()> available_memory;  // for tests; empty: MemAvailable and cgroup limits
};

// Starts the loads of all autoload models in the background and returns at once. invalid_argument:
// two models with one name, or a name that is empty. A model that cannot be loaded is a `failed`
// entry.
Result<std::unique_ptr<ModelRegistry>> make_model_registry(RegistryOptions options);

}  // namespace serval::host
