// The C functions of the kit's host, each with its contract checks.
#pragma once

#include "mini_host.h"

namespace serval::check {

struct HostTable {
  static serval_host host(MiniHost* self, uint16_t abi_minor, uint32_t size);
  static serval_ext_metrics metrics();
  static serval_ext_progress progress();
  static serval_ext_input_stream input_stream();

 private:
  static MiniHost& of(const serval_host* host) { return *static_cast<MiniHost*>(host->ctx); }
  static HostModel& of(serval_model_ref* ref) { return *reinterpret_cast<HostModel*>(ref); }

  static const void* get_ext(const serval_host* host, const char* id);
  static void log(const serval_host* host, uint32_t level, serval_str message,
                  const serval_kv* fields, uint32_t n, const serval_request* request);
  static uint64_t now(const serval_host* host);
  static int32_t pull(serval_model_ref* ref, const serval_budget* budget, serval_request** out,
                      uint32_t capacity);
  static void wake(serval_model_ref* ref);
  static const serval_request_view* view(const serval_request* request);
  static serval_status emit(serval_request* request, const serval_event* event);
  static void finish(serval_request* request, const serval_finish* how);
  static void beat(serval_model_ref* ref, uint64_t step, uint64_t running);
  static serval_status read(serval_request* request, void* to, uint64_t capacity, uint64_t* n);
  static serval_status arrived(serval_request* request, uint64_t wanted, const void** data,
                               uint64_t* size);

  static int32_t define(serval_model_ref* ref, uint32_t kind, serval_str name, serval_str help,
                        const double* bounds, uint32_t n_bounds);
  static void add(serval_model_ref* ref, int32_t handle, double amount);
  static void set(serval_model_ref* ref, int32_t handle, double value);
  static void observe(serval_model_ref* ref, int32_t handle, double value);
  static serval_status report(serval_model_ref* ref, uint32_t per_mille, serval_str stage);

  static void use_metric(HostModel& model, int32_t handle, uint32_t kinds);
  static bool alive(HostModel& model, const char* function);
};

}  // namespace serval::check
