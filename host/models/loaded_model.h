// One version of a model from model_open to model_close.
#pragma once

#include <cstdint>
#include <memory>

#include "common/result.h"
#include "host/models/memory_budget.h"
#include "host/models/model_ref.h"
#include "host/models/plugin.h"
#include "host/models/signal_thread.h"
#include "host/queue/model_queue.h"

namespace serval::host {

class LoadedModel {
 public:
  // Opens and starts the model; blocks while it loads. ref: made for this load, its cancel_load()
  // ends it early. On failure everything is undone and ref is closed.
  static Result<std::unique_ptr<LoadedModel>> load(std::shared_ptr<Plugin> plugin,
                                                   ModelConfig config, serval_model_ref* ref,
                                                   std::unique_ptr<MemoryBudget::Lease> memory);

  ~LoadedModel();  // closes without waiting, unless close() has been called

  // Ends it: what runs has until deadline_ns, what still waits then fails with `waiting`. Blocks
  // until the plugin has let go of the model.
  void close(uint64_t deadline_ns, const Error& waiting);

  const std::shared_ptr<ModelQueue>& queue() const { return queue_; }
  PluginHealth health() { return plugin_->health(model_); }

 private:
  LoadedModel() = default;

  // Given back last to first; the signals stop before the model goes.
  std::shared_ptr<Plugin> plugin_;
  ModelConfig config_;
  serval_model_config abi_{};
  std::unique_ptr<MemoryBudget::Lease> memory_;
  serval_model_ref* ref_ = nullptr;
  std::shared_ptr<ModelQueue> queue_;
  void* model_ = nullptr;
  bool started_ = false;
  std::shared_ptr<SignalThread> signals_;
};

}  // namespace serval::host
