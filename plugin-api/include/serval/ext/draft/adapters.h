/* Plugin extension serval.adapters/1 (draft): adapters that change a model without loading it again.
 * A draft may still change; its id stays when it leaves this folder unchanged. */
#ifndef SERVAL_EXT_DRAFT_ADAPTERS_H
#define SERVAL_EXT_DRAFT_ADAPTERS_H

#include <serval/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SERVAL_EXT_ADAPTERS "serval.adapters/1"

typedef struct serval_adapter_info {
  uint32_t size;
  uint32_t reserved;
  char name[64]; /* NUL-terminated */
  uint64_t bytes;
} serval_adapter_info;

typedef struct serval_ext_adapters {
  uint32_t size;
  uint32_t reserved;

  /* [ctl] Loads the adapter in path under name; requests name it in their `adapter` field. */
  serval_status (*load)(void* model, serval_str name, serval_str path, serval_error*);

  /* [ctl] Requests that use it run to their end first. */
  serval_status (*unload)(void* model, serval_str name, serval_error*);

  /* [any] Writes up to capacity entries to out; returns how many there are. */
  uint32_t (*list)(void* model, serval_adapter_info* out, uint32_t capacity);
} serval_ext_adapters;

#ifdef __cplusplus
}
#endif

#endif /* SERVAL_EXT_DRAFT_ADAPTERS_H */
