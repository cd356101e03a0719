// Opens a file for each model and never closes it.
#include <fcntl.h>

#include "bent.h"

FAKE_PLUGIN([] {
  bent::plugin.model_open = [](void* self, const serval_model_config* config, serval_model_ref* ref,
                               void** model, serval_error* error) {
    if (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0) return SERVAL_INTERNAL;
    return bent::good.model_open(self, config, ref, model, error);
  };
})
