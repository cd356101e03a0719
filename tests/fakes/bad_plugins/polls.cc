// Never blocks in pull: an idle model keeps a processor busy.
#include "bent.h"

FAKE_PLUGIN([] {
  bent::host.pull = [](serval_model_ref* model, const serval_budget* budget, serval_request** out,
                       uint32_t capacity) {
    serval_budget impatient = *budget;
    impatient.wait_ns = 0;
    return bent::real->pull(model, &impatient, out, capacity);
  };
})
