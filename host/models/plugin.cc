#include "host/models/plugin.h"

#include <algorithm>
#include <exception>

#include "common/utf8.h"
#include "host/queue/abi_error.h"
#include "serval/ext/schema.h"

namespace serval::host {
namespace {

constexpr uint32_t kMaxResources = 16;

// Calls into the plugin. No exception may cross, but one that does must not end the server.
template <class F>
Status call(F&& f) {
  serval_error error{};
  error.size = sizeof error;
  try {
    const serval_status code = f(&error);
    if (code == SERVAL_OK) return {};
    return error_from_abi(code, &error);
  } catch (const std::exception& thrown) {
    return serval::error(Code::internal, std::string("the plugin threw: ") + thrown.what());
  } catch (...) {
    return serval::error(Code::internal, "the plugin threw");
  }
}

}  // namespace

serval_model_config ModelConfig::abi() const {
  return {sizeof(serval_model_config), 0, abi_str(name), abi_str(path), abi_str(config_json),
          abi_str(cache_dir)};
}

Plugin::Plugin(const serval_descriptor& who, std::unique_ptr<Library> library, LogSink log)
    : id_(who.id),
      version_(who.version),
      ops_(who.ops, who.ops + who.n_ops),
      library_(std::move(library)),
      host_(id_, std::move(log)) {}

Result<std::shared_ptr<Plugin>> Plugin::create(const serval_entry& entry,
                                               std::unique_ptr<Library> library, LogSink log) {
  if (Status status = check_entry(entry); !status) return status.error();
  std::shared_ptr<Plugin> plugin(new Plugin(*entry.descriptor, std::move(library), std::move(log)));
  Status status = call([&](serval_error* error) -> serval_status {
    plugin->table_ = entry.create(plugin->host_.table(), error);
    if (plugin->table_ != nullptr) return SERVAL_OK;
    return error->code != SERVAL_OK ? error->code : SERVAL_INTERNAL;
  });
  if (status) status = plugin->check_table();
  if (status) status = plugin->read_schema();
  if (!status) return status.error();
  return plugin;
}

Plugin::~Plugin() {
  if (table_ == nullptr || !SERVAL_HAS(table_, destroy) || table_->destroy == nullptr) return;
  const std::lock_guard lock(ctl_);
  (void)call([&](serval_error*) {
    table_->destroy(table_->self);
    return SERVAL_OK;
  });
}

Status Plugin::check_table() const {
  if (!SERVAL_HAS(table_, model_health)) return invalid("the plugin's table is too short");
  if (table_->destroy == nullptr || table_->get_ext == nullptr || table_->model_probe == nullptr ||
      table_->model_open == nullptr || table_->model_start == nullptr ||
      table_->model_quiesce == nullptr || table_->model_close == nullptr ||
      table_->model_signal == nullptr || table_->model_health == nullptr)
    return invalid("the plugin's table lacks a function");
  return {};
}

Status Plugin::read_schema() {
  const char* text = nullptr;
  Status status = call([&](serval_error*) {
    const void* const found = table_->get_ext(table_->self, SERVAL_EXT_SCHEMA);
    const auto* const ext = static_cast<const serval_ext_schema*>(found);
    if (ext != nullptr && SERVAL_HAS(ext, model_config) && ext->model_config != nullptr)
      text = ext->model_config(table_->self);
    return SERVAL_OK;
  });
  if (!status || text == nullptr) return status;
  auto schema = ConfigSchema::parse(text);
  if (!schema) return schema.error();
  schema_ = std::move(*schema);
  return {};
}

Status Plugin::check_config(const std::string& config_json) const {
  const auto value = parse_json(config_json);
  if (!value) return invalid("the configuration is not JSON: " + value.error().message);
  if (!value->is_object()) return invalid("the configuration is not a table");
  if (!schema_) {
    // Without a schema there is no telling which keys the plugin knows.
    if (value->as_object().empty()) return {};
    return invalid("plugin " + id_ + " takes no [model.config]");
  }
  const auto errors = schema_->check(*value);
  if (errors.empty()) return {};
  return invalid(join_errors(errors), errors.front().pointer);
}

Result<MemoryEstimate> Plugin::probe(const ModelConfig& config) {
  const serval_model_config abi = config.abi();
  serval_resource resources[kMaxResources] = {};
  for (serval_resource& resource : resources) resource.size = sizeof resource;
  uint32_t n = 0;
  const std::lock_guard lock(ctl_);
  const Status status = call([&](serval_error* error) {
    return table_->model_probe(table_->self, &abi, resources, kMaxResources, &n, error);
  });
  if (!status) return status.error();
  MemoryEstimate estimate;
  for (uint32_t i = 0; i < std::min(n, kMaxResources); ++i) {
    if (resources[i].mem != SERVAL_MEM_HOST) continue;
    estimate.load_peak += std::max(resources[i].load_peak, resources[i].steady);
    estimate.steady += resources[i].steady;
  }
  return estimate;
}

Result<void*> Plugin::open(const serval_model_config& config, serval_model_ref* ref) {
  void* model = nullptr;
  const std::lock_guard lock(ctl_);
  const Status status = call([&](serval_error* error) {
    return table_->model_open(table_->self, &config, ref, &model, error);
  });
  if (!status) return status.error();
  if (model == nullptr) return error(Code::internal, "the plugin opened nothing");
  return model;
}

Status Plugin::start(void* model) {
  const std::lock_guard lock(ctl_);
  return call([&](serval_error* error) { return table_->model_start(model, error); });
}

Status Plugin::quiesce(void* model, uint64_t deadline_ns) {
  const std::lock_guard lock(ctl_);
  return call([&](serval_error*) { return table_->model_quiesce(model, deadline_ns); });
}

void Plugin::close(void* model) {
  const std::lock_guard lock(ctl_);
  (void)call([&](serval_error*) {
    table_->model_close(model);
    return SERVAL_OK;
  });
}

void Plugin::signal(void* model, uint32_t kind, uint64_t request_id) {
  (void)call([&](serval_error*) {
    table_->model_signal(model, kind, request_id);
    return SERVAL_OK;
  });
}

PluginHealth Plugin::health(void* model) {
  serval_health health{};
  health.size = sizeof health;
  const Status status = call([&](serval_error*) { return table_->model_health(model, &health); });
  if (!status) return {SERVAL_HEALTH_DEGRADED, "no health: " + status.error().message};
  const std::string_view reason(health.reason, sizeof health.reason);
  return {health.state,
          replace_invalid_utf8(reason.substr(0, std::min(reason.find('\0'), reason.size())))};
}

}  // namespace serval::host
