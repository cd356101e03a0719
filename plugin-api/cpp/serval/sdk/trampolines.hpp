// The C table in front of a Plugin. No exception passes: each becomes SERVAL_INTERNAL with its
// text.
#pragma once

#include <cstring>
#include <exception>

#include "serval/sdk/plugin.hpp"

namespace serval::sdk::detail {

// Runs f, which returns a Status; an exception becomes one as well.
template <class F>
Status caught(F&& f) noexcept {
  try {
    try {
      return f();
    } catch (const std::exception& e) {
      return Error{SERVAL_INTERNAL, std::string("exception in the plugin: ") + e.what(), {}};
    } catch (...) {
      return Error{SERVAL_INTERNAL, "exception of an unknown type in the plugin", {}};
    }
  } catch (...) {  // even the text did not fit into memory; short texts need none
    return Error{SERVAL_INTERNAL, "out of memory", {}};
  }
}

template <class F>
serval_status answered(serval_error* out, F&& f) noexcept {
  const Status status = caught(std::forward<F>(f));
  return status.ok() ? SERVAL_OK : to_abi(status.error(), out);
}

inline ModelConfig from_abi(const serval_model_config* config) {
  using sdk::from_abi;
  ModelConfig out{
      from_abi(config->name), from_abi(config->path), from_abi(config->config_json), {}};
  if (SERVAL_HAS(config, cache_dir)) out.cache_dir = from_abi(config->cache_dir);
  return out;
}

// Owns the Plugin and the tables the host sees.
struct PluginBox {
  serval_plugin table;
  serval_ext_schema schema;
  Host host;
  std::unique_ptr<Plugin> plugin;

  PluginBox(Host h, std::unique_ptr<Plugin> p)
      : table{sizeof(serval_plugin),
              0,
              this,
              &destroy,
              &get_ext,
              &model_probe,
              &model_open,
              &model_start,
              &model_quiesce,
              &model_close,
              &model_signal,
              &model_health},
        schema{sizeof(serval_ext_schema), 0, &model_schema},
        host(h),
        plugin(std::move(p)) {}

  static PluginBox& of(void* self) { return *static_cast<PluginBox*>(self); }
  static Model& model_of(void* model) { return *static_cast<Model*>(model); }

  static void destroy(void* self) noexcept { delete &of(self); }

  static const void* get_ext(void* self, const char* id) noexcept {
    PluginBox& box = of(self);
    const void* found = nullptr;
    if (std::strcmp(id, SERVAL_EXT_SCHEMA) == 0)
      return box.plugin->config_schema() != nullptr ? &box.schema : nullptr;
    static_cast<void>(caught([&]() -> Status {
      found = box.plugin->extension(id);
      return {};
    }));
    return found;
  }

  static const char* model_schema(void* self) noexcept { return of(self).plugin->config_schema(); }

  static serval_status model_probe(void* self, const serval_model_config* config,
                                   serval_resource* out, uint32_t capacity, uint32_t* n,
                                   serval_error* error) noexcept {
    *n = 0;
    return answered(error, [&]() -> Status {
      const Result<Resource> need = of(self).plugin->probe(from_abi(config));
      if (!need) return need.error();
      if (capacity == 0) return {};
      out[0] = {sizeof(serval_resource), need->mem, need->device, 0, need->load_peak, need->steady};
      *n = 1;
      return {};
    });
  }

  static serval_status model_open(void* self, const serval_model_config* config,
                                  serval_model_ref* ref, void** model,
                                  serval_error* error) noexcept {
    *model = nullptr;
    return answered(error, [&]() -> Status {
      PluginBox& box = of(self);
      Result<std::unique_ptr<Model>> opened = box.plugin->open(from_abi(config), box.host, ref);
      if (!opened) return opened.error();
      if (*opened == nullptr) return Error{SERVAL_INTERNAL, "the plugin opened no model", {}};
      *model = opened->release();
      return {};
    });
  }

  static serval_status model_start(void* model, serval_error* error) noexcept {
    return answered(error, [&] { return model_of(model).start(); });
  }
  static serval_status model_quiesce(void* model, uint64_t deadline_ns) noexcept {
    return answered(nullptr, [&]() -> Status {
      model_of(model).quiesce(deadline_ns);
      return {};
    });
  }
  static void model_close(void* model) noexcept { delete &model_of(model); }

  static void model_signal(void* model, uint32_t kind, uint64_t request_id) noexcept {
    static_cast<void>(caught([&]() -> Status {
      model_of(model).signal(kind, request_id);
      return {};
    }));
  }

  static serval_status model_health(void* model, serval_health* out) noexcept {
    return answered(nullptr, [&]() -> Status {
      const Health health = model_of(model).health();
      out->state = health.state;
      copy_text(out->reason, health.reason);
      return {};
    });
  }
};

}  // namespace serval::sdk::detail
