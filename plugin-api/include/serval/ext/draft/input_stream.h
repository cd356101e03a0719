/* Host extension serval.input_stream/1 (draft): requests whose input 0 is still arriving.
 * A draft may still change; its id stays when it leaves this folder unchanged.
 *
 * Only operations that say so have such requests, of one of two kinds (docs/requests.md). Their
 * view is as always, with an input 0 of no bytes.
 *   streams   what comes is read piece by piece, by `read`. The host keeps a bounded part of what
 *             the plugin has not read and lets its client wait beyond that.
 *   uploads   the host keeps all that comes, in one place, and `arrived` says how much that is. */
#ifndef SERVAL_EXT_DRAFT_INPUT_STREAM_H
#define SERVAL_EXT_DRAFT_INPUT_STREAM_H

#include <serval/host.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SERVAL_EXT_INPUT_STREAM "serval.input_stream/1"

/* request_id, whose input had not what was asked for, has it, or its end. Sent to those who ask
 * only. */
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
   * SERVAL_FAILED_PRECONDITION  the input is no stream: it is an upload, or all in the view
   * SERVAL_INVALID_ARGUMENT     the call breaks a rule (logged and counted) */
  serval_status (*read)(serval_request*, void* to, uint64_t capacity, uint64_t* n);

  /* [any, one thread a request at a time] What has come of an upload: *size bytes at *data, which
   * stay there and as they are until finish, while more come behind them; never blocks.
   * SERVAL_OK                   more may come. If there are fewer than `wanted` bytes,
   *                             SERVAL_SIGNAL_READABLE says when there are so many, or all
   * SERVAL_OUT_OF_RANGE         these are all
   * SERVAL_CANCELLED            as of read; *size is 0
   * SERVAL_FAILED_PRECONDITION  the input is no upload: it is a stream, or all in the view
   * SERVAL_INVALID_ARGUMENT     the call breaks a rule (logged and counted) */
  serval_status (*arrived)(serval_request*, uint64_t wanted, const void** data, uint64_t* size);
} serval_ext_input_stream;

#ifdef __cplusplus
}
#endif

#endif /* SERVAL_EXT_DRAFT_INPUT_STREAM_H */
