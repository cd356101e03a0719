// What a plugin's author derives from: Plugin makes Models. See engine_model.hpp and task.hpp for
// Models that already know how to pull, park, cancel and stop.
#pragma once

#include <memory>
#include <serval/ext/schema.h>
#include <serval/plugin.h>
#include <string>
#include <string_view>

#include "serval/sdk/host.hpp"
#include "serval/sdk/result.hpp"

namespace serval::sdk {

// One model of the host's configuration. The views live until the model is destroyed.
struct ModelConfig {
  std::string_view name;         // the name clients use
  std::string_view path;         // file or folder with the weights, or ""
  std::string_view config_json;  // the [model.config] table, already checked by config_schema()
  std::string_view cache_dir;    // an existing folder for derived files, or ""
};

// An upper bound of the memory a model needs, in bytes.
struct Resource {
  uint64_t load_peak = 0;  // most in use at any time of open
  uint64_t steady = 0;     // in use when started, its own caches full
  uint32_t mem = SERVAL_MEM_HOST;
  int32_t device = 0;
};

struct Health {
  uint32_t state = SERVAL_HEALTH_OK;
  std::string reason;
};

// One open model. The host calls start once, then quiesce, then destroys it; an open model that
// never started is destroyed right away. The destructor joins all threads of the model.
class Model {
 public:
  virtual ~Model() = default;
  // [ctl] From here on the model's own threads may pull.
  virtual Status start() = 0;
  // [ctl] Stop pulling; finish what runs by deadline_ns (0: no limit), the rest with
  // SERVAL_UNAVAILABLE. Return when nothing runs any more.
  virtual void quiesce(uint64_t deadline_ns) = 0;
  // [io] kind: SERVAL_SIGNAL_*. Under 100 us, no blocking; unknown ids are ignored.
  virtual void signal(uint32_t kind, uint64_t request_id) = 0;
  // [any] Cached state only, under 1 ms.
  virtual Health health() = 0;
};

class Plugin {
 public:
  virtual ~Plugin() = default;
  // [ctl] Without loading, under 1 s. Also the place to refuse a model that cannot work.
  virtual Result<Resource> probe(const ModelConfig& config) = 0;
  // [ctl] Loads. May take minutes; report through host.progress(model).
  virtual Result<std::unique_ptr<Model>> open(const ModelConfig& config, Host host,
                                              ModelRef model) = 0;
  // [any] JSON Schema of the [model.config] table, static memory; nullptr: not checked. See
  // ext/schema.h for the keywords.
  virtual const char* config_schema() const { return nullptr; }
  // [any] Further plugin extensions by exact id; nullptr for all others.
  virtual const void* extension(std::string_view id) {
    static_cast<void>(id);
    return nullptr;
  }
};

}  // namespace serval::sdk
