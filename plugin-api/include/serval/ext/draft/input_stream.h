/* Host extension serval.input_stream/1 (draft): requests whose input 0 is still arriving.
 * A draft may still change; its id stays when it leaves this folder unchanged.
 *
 * Only operations that say so have such requests (docs/requests.md). Their view is as always, with
 * an input 0 of no bytes: what comes is read here, piece by piece. The host keeps a bounded part of
 * what the plugin has not read and lets its client wait beyond that. */
#ifndef SERVAL_EXT_DRAFT_INPUT_STREAM_H
#define SERVAL_EXT_DRAFT_INPUT_STREAM_H

#include <serval/host.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SERVAL_EXT_INPUT_STREAM "serval.input_stream/1"

/* request_id, whose read had nothing before, has more, or its end. Sent to those who read only. */
#define SERVAL_SIGNAL_READABLE 4u

typedef struct serval_ext_input_stream {
  uint32_t size;
  uint32_t reserved;

  /* [any, one thread a request at a time] Moves up to capacity bytes of input 0 to `to` and their
   * number to *n; never blocks.
   * SERVAL_OK                   *n bytes; 0: none are there, SERVAL_SIGNAL_READABLE says when to
   *                             read again
   * SERVAL_OUT_OF_RANGE         the end: the input is complete and has been read, *n is 0
   * SERVAL_CANCELLED            the request is cancelled, also because its client broke off the
   *                             input; finish it
   * SERVAL_FAILED_PRECONDITION  the input does not stream: all of it is in the view
   * SERVAL_INVALID_ARGUMENT     the call breaks a rule (logged and counted) */
  serval_status (*read)(serval_request*, void* to, uint64_t capacity, uint64_t* n);
} serval_ext_input_stream;

#ifdef __cplusplus
}
#endif

#endif /* SERVAL_EXT_DRAFT_INPUT_STREAM_H */
