// Starts a thread for each model and never joins it.
#include <thread>
#include <unistd.h>

#include "bent.h"

FAKE_PLUGIN([] {
  bent::plugin.model_open = [](void* self, const serval_model_config* config, serval_model_ref* ref,
                               void** model, serval_error* error) {
    std::thread([] {
      while (true) pause();
    }).detach();
    return bent::good.model_open(self, config, ref, model, error);
  };
})
