// One configured model: what it is meant to be, what it is now, and the thread that brings the one
// to the other.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "host/models/loaded_model.h"
#include "host/models/make_registry.h"
#include "host/queue/ticker.h"

namespace serval::host {

// What all entries share. Outlives them.
struct RegistryShared {
  RegistryOptions options;
  std::shared_ptr<MemoryBudget> memory;
  std::shared_ptr<Ticker> ticker;
  std::atomic<bool> draining{false};
  std::atomic<uint64_t> shutdown_deadline_ns{0};  // 0: no shutdown yet
};

// Thread-safe. All calls into the plugin are made by the entry's own thread, none by its callers.
class ModelEntry : public std::enable_shared_from_this<ModelEntry> {
 public:
  ModelEntry(ModelSpec spec, std::shared_ptr<RegistryShared> shared);

  void start();  // the thread; it keeps the entry alive until it ends
  const std::string& name() const { return spec_.name; }

  Result<std::shared_ptr<Call>> submit(Request&& request);
  Status load();
  Status unload();
  ModelInfo info() const;
  std::optional<std::string> why_not_ready() const;

  void stop();                           // drain until the shared deadline, unload, end the thread
  bool wait_stopped(uint64_t until_ns);  // false if the plugin does not come to an end

 private:
  enum class Want { nothing, load, unload };
  struct Chosen {
    std::shared_ptr<Plugin> plugin;
    MemoryEstimate memory;
  };

  void run();
  void bring_up();
  void bring_down();
  void retire(std::unique_ptr<LoadedModel> model);
  Result<Chosen> choose();
  Result<Chosen> probe(const std::shared_ptr<Plugin>& plugin) const;
  Result<std::unique_ptr<LoadedModel>> load_version(const Chosen& chosen, const ModelLabels& labels,
                                                    const std::shared_ptr<ModelQueue>& queue);
  std::shared_ptr<ModelQueue> make_queue(const ModelLabels& labels);
  void failed(const Error& error, bool still_served);
  void poll_health();
  ModelConfig config() const;
  Error refusal() const;  // why there is no queue; under mutex_
  bool shutdown_due() const;
  void log(uint32_t level, std::string_view message, const std::string& reason) const;

  const ModelSpec spec_;
  const std::shared_ptr<RegistryShared> shared_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::thread thread_;
  Want want_ = Want::nothing;
  bool stop_ = false;
  bool stopped_ = false;
  uint64_t loads_ = 0;
  bool desired_ = false;                 // should be ready
  std::shared_ptr<ModelQueue> queue_;    // where new requests go; nullptr: refused
  serval_model_ref* loading_ = nullptr;  // the load under way
  ModelInfo info_;
  PluginHealth health_;

  std::unique_ptr<LoadedModel> current_;  // the entry's thread only
};

}  // namespace serval::host
