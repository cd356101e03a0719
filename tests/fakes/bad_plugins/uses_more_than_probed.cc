// Takes far more memory than its probe has said, and keeps it.
#include "bent.h"

FAKE_PLUGIN([] {
  bent::plugin.model_open = [](void* self, const serval_model_config* config, serval_model_ref* ref,
                               void** model, serval_error* error) {
    static char* volatile kept = nullptr;
    kept = new char[64 << 20];
    std::memset(kept, 1, 64 << 20);
    return bent::good.model_open(self, config, ref, model, error);
  };
})
