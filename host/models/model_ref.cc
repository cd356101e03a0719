#include "host/models/model_ref.h"

#include <algorithm>
#include <vector>

#include "common/utf8.h"

using serval::host::ModelLabels;
using serval::host::ModelQueue;
using serval::host::ObserverFactory;

namespace {

constexpr std::size_t kMaxStage = 128;

}  // namespace

serval_model_ref::serval_model_ref(std::shared_ptr<ModelQueue> queue, ObserverFactory* observers,
                                   ModelLabels labels)
    : queue_(std::move(queue)), metrics_(observers, std::move(labels)) {}

serval_model_ref* serval_model_ref::make(std::shared_ptr<ModelQueue> queue,
                                         ObserverFactory* observers, ModelLabels labels) {
  static std::mutex mutex;
  static auto* const all = new std::vector<serval_model_ref*>;  // kept reachable, never freed
  auto* const ref = new serval_model_ref(std::move(queue), observers, std::move(labels));
  const std::lock_guard lock(mutex);
  all->push_back(ref);
  return ref;
}

std::shared_ptr<ModelQueue> serval_model_ref::queue() const {
  const std::lock_guard lock(mutex_);
  return queue_;
}

void serval_model_ref::close() {
  metrics_.clear();
  const std::lock_guard lock(mutex_);
  queue_ = nullptr;
  stage_ = {};
}

serval_status serval_model_ref::report(uint32_t per_mille, std::string_view stage) {
  per_mille_.store(std::min(per_mille, 1000u));
  {
    const std::lock_guard lock(mutex_);
    stage_ = serval::replace_invalid_utf8(stage.substr(0, kMaxStage));
  }
  return load_cancelled() ? SERVAL_CANCELLED : SERVAL_OK;
}

std::string serval_model_ref::stage() const {
  const std::lock_guard lock(mutex_);
  return stage_;
}
