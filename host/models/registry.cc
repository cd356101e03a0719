#include <algorithm>
#include <map>

#include "host/models/make_registry.h"
#include "host/models/model_entry.h"

namespace serval::host {
namespace {

// A plugin that has not come to an end so long after the deadline never will.
constexpr uint64_t kGiveUp = 10'000'000'000;

class Registry : public ModelRegistry {
 public:
  explicit Registry(std::shared_ptr<RegistryShared> shared) : shared_(std::move(shared)) {
    for (const ModelSpec& spec : shared_->options.models)
      entries_.emplace(spec.name, std::make_shared<ModelEntry>(spec, shared_));
    for (const auto& [name, entry] : entries_) entry->start();
  }

  ~Registry() override { shutdown(now_ns()); }

  Result<std::shared_ptr<Call>> submit(Request request) override {
    const auto entry = entry_of(request.model);
    if (!entry) return unknown(request.model);
    if (shared_->draining.load())
      return Error{Code::unavailable, "the server is shutting down", {}, 1000};
    return entry->submit(std::move(request));
  }

  std::vector<ModelInfo> list() const override {
    std::vector<ModelInfo> infos;
    for (const auto& [name, entry] : entries_) infos.push_back(entry->info());
    return infos;
  }

  Result<ModelInfo> find(std::string_view name) const override {
    const auto entry = entry_of(name);
    if (!entry) return unknown(name);
    return entry->info();
  }

  Status load(std::string_view name) override {
    const auto entry = entry_of(name);
    return entry ? entry->load() : unknown(name);
  }

  Status unload(std::string_view name) override {
    const auto entry = entry_of(name);
    return entry ? entry->unload() : unknown(name);
  }

  bool ready(std::vector<std::string>* why_not) const override {
    std::vector<std::string> reasons;
    if (shared_->draining.load()) reasons.emplace_back("the server is shutting down");
    for (const auto& [name, entry] : entries_) {
      if (auto reason = entry->why_not_ready()) reasons.push_back(std::move(*reason));
    }
    const bool all_ready = reasons.empty();
    if (why_not != nullptr) *why_not = std::move(reasons);
    return all_ready;
  }

  void begin_drain() override { shared_->draining.store(true); }

  void shutdown(uint64_t deadline_ns) override {
    begin_drain();
    deadline_ns = std::max<uint64_t>(deadline_ns, 1);  // 0 would read as: no shutdown yet
    // A second call may only bring the end nearer.
    uint64_t known = shared_->shutdown_deadline_ns.load();
    while ((known == 0 || deadline_ns < known) &&
           !shared_->shutdown_deadline_ns.compare_exchange_weak(known, deadline_ns)) {
    }
    for (const auto& [name, entry] : entries_) entry->stop();
    for (const auto& [name, entry] : entries_) {
      if (entry->wait_stopped(std::max(deadline_ns, now_ns()) + kGiveUp)) continue;
      const LogField field{"model", name};
      if (shared_->options.log)
        shared_->options.log(SERVAL_LOG_ERROR,
                             "the plugin does not let go of the model; left behind", {&field, 1});
    }
  }

  void shutdown_now() override {
    begin_drain();
    shared_->shutdown_deadline_ns.store(1);
  }

 private:
  std::shared_ptr<ModelEntry> entry_of(std::string_view name) const {
    const auto it = entries_.find(name);
    return it == entries_.end() ? nullptr : it->second;
  }

  static Error unknown(std::string_view name) {
    return error(Code::not_found, "there is no model \"" + std::string(name) + "\"", "model");
  }

  const std::shared_ptr<RegistryShared> shared_;
  std::map<std::string, std::shared_ptr<ModelEntry>, std::less<>> entries_;
};

}  // namespace

std::string_view model_state_name(ModelState state) {
  switch (state) {
    case ModelState::waiting:
      return "waiting";
    case ModelState::loading:
      return "loading";
    case ModelState::ready:
      return "ready";
    case ModelState::draining:
      return "draining";
    case ModelState::unloaded:
      return "unloaded";
    case ModelState::failed:
      return "failed";
  }
  return "unknown";
}

Result<std::unique_ptr<ModelRegistry>> make_model_registry(RegistryOptions options) {
  if (!options.plugins) return invalid("there are no plugins to make models with");
  std::map<std::string, int> names;
  for (const ModelSpec& spec : options.models) {
    if (spec.name.empty()) return invalid("a model has no name", "name");
    if (++names[spec.name] > 1) return invalid("two models are named " + spec.name, "name");
  }
  auto shared = std::make_shared<RegistryShared>();
  shared->memory = std::make_shared<MemoryBudget>(options.memory_limit, options.memory_reserve,
                                                  options.available_memory);
  shared->ticker = std::make_shared<Ticker>();
  shared->options = std::move(options);
  return std::unique_ptr<ModelRegistry>(std::make_unique<Registry>(std::move(shared)));
}

}  // namespace serval::host
