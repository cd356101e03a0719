/* Serval plugin ABI v1: what the host offers a plugin. */
#ifndef SERVAL_HOST_H
#define SERVAL_HOST_H

#include <serval/request.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct serval_model_ref serval_model_ref; /* owned by the host; one for each open model */

#define SERVAL_LOG_DEBUG 0u
#define SERVAL_LOG_INFO 1u
#define SERVAL_LOG_WARN 2u
#define SERVAL_LOG_ERROR 3u

/* Stays valid until the plugin's destroy has returned. */
typedef struct serval_host {
  uint32_t size;
  uint16_t abi_major;
  uint16_t abi_minor;
  void* ctx; /* the host's own; pass the table, not this */
  const char* name;
  const char* version;

  /* [any] The host extension of that id (see ext/), or NULL. Stays valid until destroy. */
  const void* (*get_ext)(const struct serval_host*, const char* id);

  /* [any] One log line. Bounded: lines that come too fast are dropped and counted. Never log a
   * request's inputs or outputs. request may be NULL. */
  void (*log)(const struct serval_host*, uint32_t level, serval_str message, const serval_kv* fields,
              uint32_t n_fields, const serval_request* request);

  /* [any] Monotonic nanoseconds; the clock of every *_ns field. */
  uint64_t (*now_ns)(const struct serval_host*);

  /* [loop] Takes waiting requests, best first; never an expired or a cancelled one. Returns how many
   * were written to out (at most capacity and budget->max_requests), 0 after wait_ns or a wake, or
   * -SERVAL_FAILED_PRECONDITION once the model quiesces: no request will ever come again.
   * One thread of a model at a time. */
  int32_t (*pull)(serval_model_ref*, const serval_budget* budget, serval_request** out,
                  uint32_t capacity);

  /* [any] Makes the pull that waits now, or else the next one, return without waiting. */
  void (*wake)(serval_model_ref*);

  /* [any, one thread a request at a time] The request's parameters. Valid until finish. */
  const serval_request_view* (*view)(const serval_request*);

  /* [any, one thread a request at a time] Hands over one event; never blocks.
   * SERVAL_OK                  taken (copied)
   * SERVAL_RESOURCE_EXHAUSTED  not taken: the reader is slow. Park this request, keep the event, go on
   *                            with others; SERVAL_SIGNAL_WRITABLE says when to emit it again
   * SERVAL_CANCELLED           not taken: the request is cancelled; finish it
   * SERVAL_INVALID_ARGUMENT    the event breaks a rule (logged and counted) */
  serval_status (*emit)(serval_request*, const serval_event*);

  /* [any, one thread a request at a time] Ends the request: exactly once, always accepted, never
   * blocks. The handle and its view are dead afterwards. */
  void (*finish)(serval_request*, const serval_finish*);

  /* [loop] Once a step: proof of life. step counts up; running = requests the plugin holds. While
   * running > 0 and no beat comes for stall_s, the model is not ready. */
  void (*beat)(serval_model_ref*, uint64_t step, uint64_t running);
} serval_host;

#ifdef __cplusplus
}
#endif

#endif /* SERVAL_HOST_H */
