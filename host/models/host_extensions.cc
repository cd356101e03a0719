#include "host/models/host_extensions.h"

#include <string_view>

#include "host/models/model_ref.h"
#include "host/queue/abi_error.h"
#include "host/queue/request_table.h"
#include "serval/ext/draft/input_stream.h"
#include "serval/ext/metrics.h"
#include "serval/ext/progress.h"

namespace serval::host {
namespace {

serval_status report(serval_model_ref* model, uint32_t per_mille, serval_str stage) {
  return model != nullptr ? model->report(per_mille, view_of(stage)) : SERVAL_INVALID_ARGUMENT;
}

int32_t define(serval_model_ref* model, uint32_t kind, serval_str name, serval_str help,
               const double* bounds, uint32_t n_bounds) {
  if (model == nullptr || (bounds == nullptr && n_bounds != 0)) return -SERVAL_INVALID_ARGUMENT;
  return model->metrics().define({kind, view_of(name), view_of(help), {bounds, n_bounds}});
}

void count_misuse(serval_model_ref* model) {
  if (const auto queue = model->queue()) queue->violation("metric_use");
}

void add(serval_model_ref* model, int32_t handle, double amount) {
  if (model != nullptr && !model->metrics().add(handle, amount)) count_misuse(model);
}

void set(serval_model_ref* model, int32_t handle, double value) {
  if (model != nullptr && !model->metrics().set(handle, value)) count_misuse(model);
}

void observe(serval_model_ref* model, int32_t handle, double value) {
  if (model != nullptr && !model->metrics().observe(handle, value)) count_misuse(model);
}

// The request whose input is looked at; null, and a violation, if it may not be.
std::shared_ptr<RequestState> reader_of(serval_request* handle, bool arguments_hold) {
  const uint64_t id = RequestTable::id(handle);
  auto request = RequestTable::instance().find(id);
  if (request && arguments_hold) return request;
  if (const auto queue = RequestTable::instance().queue_of(id))
    queue->violation(request ? "read_arguments" : "read_after_finish");
  return nullptr;
}

serval_status read(serval_request* handle, void* to, uint64_t capacity, uint64_t* n) {
  const auto request = reader_of(handle, n != nullptr && (to != nullptr || capacity == 0));
  if (!request) return SERVAL_INVALID_ARGUMENT;
  return request->queue->read(*request, static_cast<char*>(to), capacity, *n);
}

serval_status arrived(serval_request* handle, uint64_t wanted, const void** data, uint64_t* size) {
  const auto request = reader_of(handle, data != nullptr && size != nullptr);
  if (!request) return SERVAL_INVALID_ARGUMENT;
  std::string_view bytes;
  const serval_status status = request->queue->arrived(*request, wanted, bytes);
  *data = bytes.data();
  *size = bytes.size();
  return status;
}

constexpr serval_ext_input_stream kInputStream = {sizeof kInputStream, 0, read, arrived};
constexpr serval_ext_metrics kMetrics = {sizeof kMetrics, 0, define, add, set, observe};
constexpr serval_ext_progress kProgress = {sizeof kProgress, 0, report};

}  // namespace

const void* host_extension(const char* id) {
  if (id == nullptr) return nullptr;
  if (std::string_view(id) == SERVAL_EXT_INPUT_STREAM) return &kInputStream;
  if (std::string_view(id) == SERVAL_EXT_METRICS) return &kMetrics;
  if (std::string_view(id) == SERVAL_EXT_PROGRESS) return &kProgress;
  return nullptr;
}

}  // namespace serval::host
