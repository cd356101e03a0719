/* Serval plugin ABI v1: one request, from the plugin's side.
 *
 * The life of a request: the plugin pulls it, emits any number of events, and finishes it exactly
 * once, also when it was cancelled. After finish the handle and its view are dead.
 */
#ifndef SERVAL_REQUEST_H
#define SERVAL_REQUEST_H

#include <serval/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct serval_request serval_request; /* owned by the host */

/* Values of the cancel word. Anything but 0 means: finish soon (within 50 ms or one step) with
 * SERVAL_CANCELLED, or with SERVAL_DEADLINE_EXCEEDED for SERVAL_CANCEL_DEADLINE. */
#define SERVAL_CANCEL_NONE 0u
#define SERVAL_CANCEL_CLIENT 1u      /* the client has gone */
#define SERVAL_CANCEL_DEADLINE 2u    /* the request's deadline has passed */
#define SERVAL_CANCEL_SLOW_CLIENT 3u /* the client has not read for too long */
#define SERVAL_CANCEL_SHUTDOWN 4u    /* the server stops */
#define SERVAL_CANCEL_ADMIN 5u       /* an administrator cancelled it */
#define SERVAL_CANCEL_MEMORY 6u      /* memory ran out */

/* The request, read-only. Valid until finish. */
typedef struct serval_request_view {
  uint32_t size;
  uint32_t n_inputs;
  uint64_t id;          /* unique while the host runs, never 0 */
  uint64_t accepted_ns; /* when the host took it, on now_ns()'s clock */
  uint64_t deadline_ns; /* same clock; 0: none. The host sets the cancel word when it passes */
  int32_t priority;     /* lower runs sooner; 0 is the default */
  uint32_t reserved;
  const uint32_t* cancel_word; /* read it with SERVAL_CANCEL_REASON() once a step */
  serval_str op;               /* one of the descriptor's ops, as "chat" */
  serval_str request_id;       /* for logs */
  serval_str cache_namespace;  /* what is cached for one namespace must not be seen from another */
  serval_str adapter;          /* "" for none */
  serval_str traceparent;      /* W3C trace context, or "" */
  serval_str params_json;      /* a JSON object; its keys belong to the op */
  const serval_slice* inputs;  /* [n_inputs] */
} serval_request_view;

#define SERVAL_CANCEL_REASON(view) (__atomic_load_n((view)->cancel_word, __ATOMIC_ACQUIRE))

/* What the next step has room for. */
typedef struct serval_budget {
  uint32_t size;
  uint32_t max_requests; /* 0: take none, only wait */
  uint64_t max_cost;     /* sum of costs taken now; 0: no limit. Cost = bytes of params and inputs */
  uint64_t wait_ns;      /* block up to this long while there is nothing; 0: do not block */
} serval_budget;

/* Event kinds. */
#define SERVAL_EVENT_TEXT 1u     /* UTF-8, never cut inside a character */
#define SERVAL_EVENT_TOKENS 2u   /* int32 ids */
#define SERVAL_EVENT_AUDIO 3u    /* interleaved samples; format in meta_json */
#define SERVAL_EVENT_TENSOR 4u   /* raw tensor; dtype and shape in meta_json */
#define SERVAL_EVENT_JSON 5u     /* one JSON value */
#define SERVAL_EVENT_PROGRESS 6u /* no payload; meta_json says how far */

#define SERVAL_EVENT_FLAG_LAST 1u /* the output `index` is complete with this event */

/* One piece of output. data and meta_json are copied before emit returns. */
typedef struct serval_event {
  uint32_t size;
  uint32_t kind;
  uint32_t index; /* which of several outputs, from 0 */
  uint32_t flags;
  serval_slice data;
  serval_str meta_json; /* a JSON object, or "" */
} serval_event;

/* The end of a request. */
typedef struct serval_finish {
  uint32_t size;
  serval_status code;
  const serval_error* error; /* may be NULL when code is SERVAL_OK */
  serval_str usage_json;     /* a JSON object with counts, or "" */
} serval_finish;

#ifdef __cplusplus
}
#endif

#endif /* SERVAL_REQUEST_H */
