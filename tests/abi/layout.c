/* Prints the size of each struct of the ABI and the offset of each field, a line each:
 * "struct size" and "struct.field offset". test_ctypes.py compares them with its own mirror. */
#include <serval/ext/metrics.h>
#include <serval/ext/progress.h>
#include <serval/ext/schema.h>
#include <serval/plugin.h>
#include <stdio.h>

#define S(s) printf(#s " %zu\n", sizeof(s))
#define F(s, f) printf(#s "." #f " %zu\n", offsetof(s, f))

int main(void) {
  S(serval_str), F(serval_str, p), F(serval_str, n);
  S(serval_kv), F(serval_kv, key), F(serval_kv, value);
  S(serval_slice), F(serval_slice, data), F(serval_slice, len), F(serval_slice, mem);
  F(serval_slice, device);
  S(serval_error), F(serval_error, size), F(serval_error, code), F(serval_error, flags);
  F(serval_error, retry_after_ms), F(serval_error, message), F(serval_error, param);
  S(serval_request_view), F(serval_request_view, size), F(serval_request_view, n_inputs);
  F(serval_request_view, id), F(serval_request_view, accepted_ns);
  F(serval_request_view, deadline_ns), F(serval_request_view, priority);
  F(serval_request_view, cancel_word), F(serval_request_view, op);
  F(serval_request_view, request_id), F(serval_request_view, cache_namespace);
  F(serval_request_view, adapter), F(serval_request_view, traceparent);
  F(serval_request_view, params_json), F(serval_request_view, inputs);
  S(serval_budget), F(serval_budget, size), F(serval_budget, max_requests);
  F(serval_budget, max_cost), F(serval_budget, wait_ns);
  S(serval_event), F(serval_event, size), F(serval_event, kind), F(serval_event, index);
  F(serval_event, flags), F(serval_event, data), F(serval_event, meta_json);
  S(serval_finish), F(serval_finish, size), F(serval_finish, code), F(serval_finish, error);
  F(serval_finish, usage_json);
  S(serval_host), F(serval_host, size), F(serval_host, abi_major), F(serval_host, abi_minor);
  F(serval_host, ctx), F(serval_host, name), F(serval_host, version), F(serval_host, get_ext);
  F(serval_host, log), F(serval_host, now_ns), F(serval_host, pull), F(serval_host, wake);
  F(serval_host, view), F(serval_host, emit), F(serval_host, finish), F(serval_host, beat);
  S(serval_model_config), F(serval_model_config, size), F(serval_model_config, name);
  F(serval_model_config, path), F(serval_model_config, config_json);
  F(serval_model_config, cache_dir);
  S(serval_resource), F(serval_resource, size), F(serval_resource, mem);
  F(serval_resource, device), F(serval_resource, load_peak), F(serval_resource, steady);
  S(serval_health), F(serval_health, size), F(serval_health, state), F(serval_health, reason);
  S(serval_plugin), F(serval_plugin, size), F(serval_plugin, self), F(serval_plugin, destroy);
  F(serval_plugin, get_ext), F(serval_plugin, model_probe), F(serval_plugin, model_open);
  F(serval_plugin, model_start), F(serval_plugin, model_quiesce), F(serval_plugin, model_close);
  F(serval_plugin, model_signal), F(serval_plugin, model_health);
  S(serval_descriptor), F(serval_descriptor, size), F(serval_descriptor, n_ops);
  F(serval_descriptor, id), F(serval_descriptor, version), F(serval_descriptor, vendor);
  F(serval_descriptor, license), F(serval_descriptor, ops), F(serval_descriptor, description);
  S(serval_entry), F(serval_entry, magic), F(serval_entry, abi_major);
  F(serval_entry, abi_minor), F(serval_entry, size), F(serval_entry, min_host_minor);
  F(serval_entry, descriptor), F(serval_entry, create);
  S(serval_note), F(serval_note, magic), F(serval_note, abi_major), F(serval_note, abi_minor);
  F(serval_note, min_host_minor), F(serval_note, id), F(serval_note, version);
  F(serval_note, cpu);
  S(serval_ext_metrics), F(serval_ext_metrics, define), F(serval_ext_metrics, add);
  F(serval_ext_metrics, set), F(serval_ext_metrics, observe);
  S(serval_ext_progress), F(serval_ext_progress, report);
  S(serval_ext_schema), F(serval_ext_schema, model_config);
  return 0;
}
