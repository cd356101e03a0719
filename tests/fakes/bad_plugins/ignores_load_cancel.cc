// Reports its progress and does not listen to the answer.
#include <serval/ext/progress.h>

#include "bent.h"

FAKE_PLUGIN([] {
  bent::plugin.model_open = [](void* self, const serval_model_config* config, serval_model_ref* ref,
                               void** model, serval_error* error) {
    const auto* progress = static_cast<const serval_ext_progress*>(
        bent::real->get_ext(bent::real, SERVAL_EXT_PROGRESS));
    for (uint32_t i = 1; i <= 10; ++i) progress->report(ref, i * 100, {"loading", 7});
    return bent::good.model_open(self, config, ref, model, error);
  };
})
