// The models of this server as protocols and the admin API see them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "host/request/call.h"

namespace serval::host {

enum class ModelState { waiting, loading, ready, draining, unloaded, failed };
std::string_view model_state_name(ModelState state);

struct ModelInfo {
  std::string name;
  std::string plugin_id;
  std::string plugin_version;
  std::string path;
  std::vector<std::string> ops;
  ModelState state = ModelState::waiting;
  std::string reason;  // why it failed, or the stage of a load
  uint32_t load_per_mille = 0;
  int64_t created_unix = 0;  // when it became ready, seconds
  uint64_t version = 0;      // counts the loads of this name
  uint64_t waiting = 0, running = 0, parked = 0;
  uint64_t memory_bytes = 0;  // the probe's steady estimate
  uint64_t step_age_ns = 0;   // since the last beat while something runs, else 0
};

// Thread-safe. Loads and unloads run on the control thread; these calls only start them.
class ModelRegistry : public Submitter {
 public:
  virtual std::vector<ModelInfo> list() const = 0;
  virtual Result<ModelInfo> find(std::string_view name) const = 0;

  // Starts loading a configured model that is not loaded, or a new version beside the running one:
  // requests move over when the new one is ready, the old one then drains. No request fails by it.
  virtual Status load(std::string_view name) = 0;
  virtual Status unload(std::string_view name) = 0;

  // True when every model that should be ready is; else why not, one line a model. Runs no plugin
  // code.
  virtual bool ready(std::vector<std::string>* why_not) const = 0;

  // From now on: not ready, and every new request is refused as unavailable. What was accepted goes
  // on.
  virtual void begin_drain() = 0;

  // Drains, waits until nothing is left or deadline_ns (now_ns()'s clock) has passed, then cancels
  // the rest as `shutdown` (unavailable, with retry_after_ms) and unloads all models. Blocks. A
  // load under way is cancelled. shutdown_now() from another thread ends the wait. The destructor
  // does the same with no wait.
  virtual void shutdown(uint64_t deadline_ns) = 0;
  virtual void shutdown_now() = 0;
};

}  // namespace serval::host
