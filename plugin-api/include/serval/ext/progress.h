/* Host extension serval.progress/1: how far a load is, and whether it is still wanted. */
#ifndef SERVAL_EXT_PROGRESS_H
#define SERVAL_EXT_PROGRESS_H

#include <serval/host.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SERVAL_EXT_PROGRESS "serval.progress/1"

typedef struct serval_ext_progress {
  uint32_t size;
  uint32_t reserved;

  /* [any, inside model_open] per_mille: 0 to 1000. stage: a few words, as "repacking weights".
   * Returns SERVAL_OK, or SERVAL_CANCELLED: undo everything and return that from model_open.
   * Call it at least every 100 ms of loading. */
  serval_status (*report)(serval_model_ref*, uint32_t per_mille, serval_str stage);
} serval_ext_progress;

#ifdef __cplusplus
}
#endif

#endif /* SERVAL_EXT_PROGRESS_H */
