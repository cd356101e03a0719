#include "host/models/loaded_model.h"

namespace serval::host {

Result<std::unique_ptr<LoadedModel>> LoadedModel::load(
    std::shared_ptr<Plugin> plugin, ModelConfig config, serval_model_ref* ref,
    std::unique_ptr<MemoryBudget::Lease> memory) {
  std::unique_ptr<LoadedModel> made(new LoadedModel);
  made->plugin_ = std::move(plugin);
  made->config_ = std::move(config);
  made->abi_ = made->config_.abi();
  made->memory_ = std::move(memory);
  made->ref_ = ref;
  made->queue_ = ref->queue();

  auto model = made->plugin_->open(made->abi_, ref);
  ref->metrics().freeze();
  if (!model) {
    ref->close();
    return model.error();
  }
  made->model_ = *model;
  if (ref->load_cancelled()) {
    made->close(0, error(Code::unavailable, "the load was cancelled"));
    return error(Code::cancelled, "the load was cancelled");
  }
  made->memory_->loaded();
  made->signals_ = std::make_shared<SignalThread>(
      [owner = made->plugin_.get(), handle = made->model_](uint32_t kind, uint64_t id) {
        owner->signal(handle, kind, id);
      });
  made->queue_->set_signal_sink(
      [signals = made->signals_](uint32_t kind, uint64_t id) { signals->send(kind, id); });
  if (Status started = made->plugin_->start(made->model_); !started) {
    made->close(0, started.error());
    return started.error();
  }
  made->started_ = true;
  return made;
}

LoadedModel::~LoadedModel() {
  close(now_ns(),
        Error{Code::unavailable, "model " + config_.name + " is being unloaded", {}, 1000});
}

void LoadedModel::close(uint64_t deadline_ns, const Error& waiting) {
  if (model_ == nullptr) return;
  queue_->refuse_new();
  queue_->close_pull();
  if (started_) (void)plugin_->quiesce(model_, deadline_ns);
  queue_->set_signal_sink({});
  if (signals_) signals_->stop();  // no signal may come behind model_close
  plugin_->close(model_);
  model_ = nullptr;
  queue_->abandon_running();
  queue_->fail_waiting(waiting);
  ref_->close();
  memory_ = nullptr;
}

}  // namespace serval::host
