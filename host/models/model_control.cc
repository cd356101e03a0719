// The thread of a ModelEntry: loads, swaps, drains and unloads, one thing after the other.
#include <chrono>
#include <ctime>

#include "host/models/model_entry.h"

namespace serval::host {
namespace {

constexpr auto kHealthInterval = std::chrono::seconds(1);
// What is cancelled gets so long to finish: the ABI wants 50 ms or one step.
constexpr uint64_t kCancelGrace = 2'000'000'000;

}  // namespace

void ModelEntry::run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    if (want_ == Want::nothing) {
      changed_.wait_for(lock, kHealthInterval);
      if (want_ == Want::nothing && !stop_ && current_) {
        lock.unlock();
        poll_health();
        lock.lock();
      }
      continue;
    }
    const Want want = std::exchange(want_, Want::nothing);
    lock.unlock();
    want == Want::load ? bring_up() : bring_down();
    lock.lock();
  }
  lock.unlock();
  bring_down();
  lock.lock();
  stopped_ = true;
  changed_.notify_all();
}

void ModelEntry::poll_health() {
  PluginHealth health = current_->health();
  std::unique_lock lock(mutex_);
  const bool worse = health.state > health_.state;
  const std::string reason = health.reason;
  health_ = std::move(health);
  if (info_.state == ModelState::ready) info_.reason = reason;
  lock.unlock();
  if (worse) log(SERVAL_LOG_WARN, "model is not healthy", reason);
}

bool ModelEntry::shutdown_due() const {
  const uint64_t deadline = shared_->shutdown_deadline_ns.load();
  return deadline != 0 && now_ns() >= deadline;
}

ModelConfig ModelEntry::config() const {
  return {spec_.name, spec_.path, spec_.config_json, shared_->options.cache_dir.string()};
}

Result<ModelEntry::Chosen> ModelEntry::probe(const std::shared_ptr<Plugin>& plugin) const {
  if (Status status = plugin->check_config(spec_.config_json); !status) return status.error();
  auto memory = plugin->probe(config());
  if (!memory) return memory.error();
  return Chosen{plugin, *memory};
}

// The plugin that is named, or else the only one that takes the model.
Result<ModelEntry::Chosen> ModelEntry::choose() {
  const PluginSet& plugins = *shared_->options.plugins;
  if (!spec_.plugin.empty()) {
    if (const auto plugin = plugins.find(spec_.plugin)) return probe(plugin);
    std::string message = "no plugin " + spec_.plugin + " is loaded";
    for (const PluginInfo& info : plugins.infos()) {
      if (info.id == spec_.plugin) message += "; " + info.path.string() + ": " + info.refusal;
    }
    return error(Code::not_found, message);
  }
  std::vector<Chosen> found;
  std::string refusals, candidates;
  for (const auto& plugin : plugins.plugins()) {
    if (auto chosen = probe(plugin)) {
      candidates += (candidates.empty() ? "" : ", ") + plugin->id();
      found.push_back(std::move(*chosen));
    } else {
      refusals += "; " + plugin->id() + ": " + chosen.error().message;
    }
  }
  if (found.size() == 1) return std::move(found.front());
  if (found.empty())
    return error(Code::not_found, "no plugin takes " + spec_.path + refusals, "plugin");
  return invalid("several plugins take " + spec_.path + ": " + candidates +
                     "; name one of them as the model's plugin",
                 "plugin");
}

std::shared_ptr<ModelQueue> ModelEntry::make_queue(const ModelLabels& labels) {
  const RegistryOptions& options = shared_->options;
  ModelQueueOptions made;
  made.model = spec_.name;
  made.queue = spec_.queue;
  made.stream = options.stream;
  made.log = options.log;
  if (options.observers) made.observer = options.observers->model(labels);
  // Weak: the last owner of a queue may be the ticker's own thread.
  made.on_due = [weak = std::weak_ptr(shared_->ticker)](uint64_t due_ns) {
    if (const auto ticker = weak.lock()) ticker->poke(due_ns);
  };
  auto queue = ModelQueue::make(std::move(made));
  shared_->ticker->add(queue);
  return queue;
}

Result<std::unique_ptr<LoadedModel>> ModelEntry::load_version(
    const Chosen& chosen, const ModelLabels& labels, const std::shared_ptr<ModelQueue>& queue) {
  auto memory = shared_->memory->take(spec_.name, chosen.memory);
  if (!memory) return memory.error();
  auto* const ref = serval_model_ref::make(queue, shared_->options.observers.get(), labels);
  {
    std::lock_guard lock(mutex_);
    if (stop_ || want_ == Want::unload) ref->cancel_load();
    loading_ = ref;
  }
  auto loaded = LoadedModel::load(chosen.plugin, config(), ref, std::move(*memory));
  std::lock_guard lock(mutex_);
  loading_ = nullptr;
  return loaded;
}

void ModelEntry::bring_up() {
  uint64_t version = 0;
  const bool first_out = spec_.swap == SwapPolicy::resource && current_ != nullptr;
  {
    std::lock_guard lock(mutex_);
    version = ++loads_;
    info_.load_per_mille = 0;
    info_.reason.clear();
    if (!current_ || first_out) info_.state = ModelState::loading;
  }
  log(SERVAL_LOG_INFO, "loading model", {});
  auto chosen = choose();
  if (!chosen) return failed(chosen.error(), current_ != nullptr);

  const ModelLabels labels{spec_.name, chosen->plugin->id(), version};
  auto queue = make_queue(labels);
  if (first_out) {
    {
      std::lock_guard lock(mutex_);
      queue_ = queue;  // requests wait here while nothing is loaded
    }
    retire(std::move(current_));
  }
  auto loaded = load_version(*chosen, labels, queue);
  if (!loaded) {
    {
      std::lock_guard lock(mutex_);
      if (first_out) queue_ = nullptr;
    }
    queue->refuse_new();
    queue->fail_waiting(
        Error{Code::unavailable, "model " + spec_.name + " could not be loaded", {}, 1000});
    return failed(loaded.error(), current_ != nullptr);
  }

  std::unique_ptr<LoadedModel> old = std::exchange(current_, std::move(*loaded));
  {
    std::lock_guard lock(mutex_);
    queue_ = queue;
    info_.state = ModelState::ready;
    info_.reason.clear();
    info_.load_per_mille = 1000;
    info_.version = version;
    info_.plugin_id = chosen->plugin->id();
    info_.plugin_version = chosen->plugin->version();
    info_.ops = chosen->plugin->ops();
    info_.memory_bytes = chosen->memory.steady;
    info_.created_unix = int64_t(std::time(nullptr));
    health_ = {};
  }
  log(SERVAL_LOG_INFO, "model is ready", {});
  if (old) retire(std::move(old));
}

void ModelEntry::failed(const Error& error, bool still_served) {
  const bool cancelled = error.code == Code::cancelled;
  {
    std::lock_guard lock(mutex_);
    if (still_served) {
      info_.state = ModelState::ready;
      info_.reason = "the new version could not be loaded: " + error.message;
    } else {
      info_.state = cancelled ? ModelState::unloaded : ModelState::failed;
      info_.reason = error.message;
    }
  }
  log(cancelled ? SERVAL_LOG_INFO : SERVAL_LOG_ERROR, "model could not be loaded", error.message);
}

void ModelEntry::bring_down() {
  {
    std::lock_guard lock(mutex_);
    queue_ = nullptr;
    if (current_) info_.state = ModelState::draining;
  }
  if (current_) {
    retire(std::move(current_));
    log(SERVAL_LOG_INFO, "model is unloaded", {});
  }
  std::lock_guard lock(mutex_);
  info_.state = ModelState::unloaded;
  info_.reason.clear();
  info_.load_per_mille = 0;
  info_.memory_bytes = 0;
  health_ = {};
}

// Lets a version serve what it has accepted, then closes it. What is left at the end of the drain
// or the shutdown is cancelled.
void ModelEntry::retire(std::unique_ptr<LoadedModel> model) {
  const auto queue = model->queue();
  queue->refuse_new();
  const uint64_t until = now_ns() + shared_->options.drain_ns;
  if (!queue->wait_idle(until, [this] { return shutdown_due(); })) {
    queue->cancel_all(shutdown_due() ? CancelReason::shutdown : CancelReason::admin);
    (void)queue->wait_idle(now_ns() + kCancelGrace);
  }
  model->close(now_ns() + kCancelGrace,
               Error{Code::unavailable, "model " + spec_.name + " was unloaded", {}, 1000});
}

}  // namespace serval::host
