// Its schema uses a keyword that no host enforces.
#include <serval/ext/schema.h>

#include "bent.h"

static const serval_ext_schema schema{
    sizeof(schema), 0, [](void*) { return R"({"type":"object","patternProperties":{}})"; }};

FAKE_PLUGIN([] {
  bent::plugin.get_ext = [](void* self, const char* id) -> const void* {
    return std::strcmp(id, SERVAL_EXT_SCHEMA) == 0 ? &schema : bent::good.get_ext(self, id);
  };
})
