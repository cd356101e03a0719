// Asks again after it was told that no request will come.
#include "bent.h"

FAKE_PLUGIN([] {
  bent::host.pull = [](serval_model_ref* model, const serval_budget* budget, serval_request** out,
                       uint32_t capacity) {
    const int32_t n = bent::real->pull(model, budget, out, capacity);
    return n < 0 ? bent::real->pull(model, budget, out, capacity) : n;
  };
})
