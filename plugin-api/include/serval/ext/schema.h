/* Plugin extension serval.schema/1: what a model's configuration may hold. */
#ifndef SERVAL_EXT_SCHEMA_H
#define SERVAL_EXT_SCHEMA_H

#include <serval/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SERVAL_EXT_SCHEMA "serval.schema/1"

typedef struct serval_ext_schema {
  uint32_t size;
  uint32_t reserved;

  /* [any] A JSON Schema (NUL-terminated, static) for the [model.config] table. The host enforces this
   * part of the language: type, properties, required, additionalProperties, items, enum, minimum,
   * maximum, minLength, maxLength, minItems, maxItems; description and default are for the reader.
   * A schema with another keyword is refused when the plugin is loaded. */
  const char* (*model_config)(void* self);
} serval_ext_schema;

#ifdef __cplusplus
}
#endif

#endif /* SERVAL_EXT_SCHEMA_H */
