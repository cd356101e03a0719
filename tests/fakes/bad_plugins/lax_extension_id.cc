// Compares only the beginning of an extension's id.
#include <serval/ext/schema.h>

#include "bent.h"

FAKE_PLUGIN([] {
  bent::plugin.get_ext = [](void* self, const char* id) {
    const bool like = std::strncmp(id, SERVAL_EXT_SCHEMA, std::strlen(SERVAL_EXT_SCHEMA)) == 0;
    return bent::good.get_ext(self, like ? SERVAL_EXT_SCHEMA : id);
  };
})
