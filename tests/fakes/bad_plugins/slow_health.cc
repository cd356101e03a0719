// Works out its health when asked.
#include <unistd.h>

#include "bent.h"

FAKE_PLUGIN([] {
  bent::plugin.model_health = [](void* model, serval_health* out) {
    usleep(5000);
    return bent::good.model_health(model, out);
  };
})
