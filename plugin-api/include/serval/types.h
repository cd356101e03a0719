/* Serval plugin ABI v1: the words both sides share. Plain C11, no dependencies.
 *
 * Rules that hold for every table and struct of the ABI:
 *  - Fixed-width types only. No enum, bool, bit-field or variadic function crosses.
 *  - A struct that may grow starts with `uint32_t size`, set by the side that fills it to the size it
 *    was compiled with. The reader never reads past it: SERVAL_HAS() asks before a field is used.
 *    Nobody writes into the other side's tables.
 *  - Memory is freed by the side that allocated it. A pointer passed to a call is borrowed until that
 *    call returns, unless its comment names a longer life.
 *  - Text is UTF-8, with a length, not NUL-terminated, unless the field is a `const char*`.
 *  - No C++ exception and no longjmp crosses.
 *
 * Thread tags, one on each function:
 *  [any]  from any thread, at any time the object exists, also concurrently with itself
 *  [ctl]  the host's control thread: one call at a time per plugin; may block
 *  [io]   a host I/O thread: must return within 100 us, never blocks, never calls back into pull
 *  [loop] the plugin's own threads, between model_start and the end of model_close
 */
#ifndef SERVAL_TYPES_H
#define SERVAL_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Major is part of the entry symbol's name; minor only ever adds. See docs/abi.md. */
#define SERVAL_ABI_MAJOR 1
#define SERVAL_ABI_MINOR 0
#define SERVAL_MAGIC 0x4c565253u /* "SRVL" read as little-endian */

/* The gRPC status numbers, so that one table maps them to every protocol. */
typedef int32_t serval_status;
#define SERVAL_OK 0
#define SERVAL_CANCELLED 1
#define SERVAL_UNKNOWN 2
#define SERVAL_INVALID_ARGUMENT 3
#define SERVAL_DEADLINE_EXCEEDED 4
#define SERVAL_NOT_FOUND 5
#define SERVAL_ALREADY_EXISTS 6
#define SERVAL_PERMISSION_DENIED 7
#define SERVAL_RESOURCE_EXHAUSTED 8
#define SERVAL_FAILED_PRECONDITION 9
#define SERVAL_ABORTED 10
#define SERVAL_OUT_OF_RANGE 11
#define SERVAL_UNIMPLEMENTED 12
#define SERVAL_INTERNAL 13
#define SERVAL_UNAVAILABLE 14
#define SERVAL_DATA_LOSS 15
#define SERVAL_UNAUTHENTICATED 16

/* Borrowed text. p may be NULL when n is 0. */
typedef struct serval_str {
  const char* p;
  uint64_t n;
} serval_str;

typedef struct serval_kv {
  serval_str key;
  serval_str value;
} serval_kv;

/* Where a slice's bytes live. */
#define SERVAL_MEM_HOST 0u

/* A run of bytes. Inputs stay valid until the request is finished. */
typedef struct serval_slice {
  const void* data;
  uint64_t len;
  uint32_t mem;    /* SERVAL_MEM_HOST; a plugin refuses what it does not know */
  int32_t device;  /* device number, 0 for host memory */
} serval_slice;

/* What went wrong, in words a user can act on. The caller owns the memory and sets size; the callee
 * fills the rest and cuts texts that do not fit. NUL-terminated. */
typedef struct serval_error {
  uint32_t size;
  serval_status code;
  uint32_t flags;           /* SERVAL_ERROR_RETRYABLE */
  uint32_t retry_after_ms;  /* 0: unknown */
  char message[240];
  char param[64]; /* the request parameter or configuration key at fault, or "" */
} serval_error;
#define SERVAL_ERROR_RETRYABLE 1u

/* True if the table or struct behind p is new enough to hold field f. */
#define SERVAL_HAS(p, f) \
  ((p)->size >= offsetof(__typeof__(*(p)), f) + sizeof((p)->f))

#ifdef __cplusplus
}
#endif

#endif /* SERVAL_TYPES_H */
