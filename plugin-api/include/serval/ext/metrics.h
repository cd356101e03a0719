/* Host extension serval.metrics/1: numbers of a plugin on the server's /metrics page. */
#ifndef SERVAL_EXT_METRICS_H
#define SERVAL_EXT_METRICS_H

#include <serval/host.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SERVAL_EXT_METRICS "serval.metrics/1"

#define SERVAL_METRIC_COUNTER 1u   /* only add(), never negative */
#define SERVAL_METRIC_GAUGE 2u     /* set() and add() */
#define SERVAL_METRIC_HISTOGRAM 3u /* only observe() */

typedef struct serval_ext_metrics {
  uint32_t size;
  uint32_t reserved;

  /* [ctl, inside model_open] Defines one metric of the model; name as Prometheus wants it
   * ([a-z_][a-z0-9_]*), the host puts "serval_plugin_" before it and labels it with model and plugin.
   * bounds: upper edges of a histogram's buckets, rising; else NULL and 0.
   * Returns a handle >= 0, or -status: SERVAL_INVALID_ARGUMENT (name, kind, bounds),
   * SERVAL_ALREADY_EXISTS, SERVAL_RESOURCE_EXHAUSTED (over 256 in one model). */
  int32_t (*define)(serval_model_ref*, uint32_t kind, serval_str name, serval_str help,
                    const double* bounds, uint32_t n_bounds);

  /* [any] No lock, no allocation. A wrong handle or kind is ignored and counted. */
  void (*add)(serval_model_ref*, int32_t handle, double amount);
  void (*set)(serval_model_ref*, int32_t handle, double value);
  void (*observe)(serval_model_ref*, int32_t handle, double value);
} serval_ext_metrics;

#ifdef __cplusplus
}
#endif

#endif /* SERVAL_EXT_METRICS_H */
