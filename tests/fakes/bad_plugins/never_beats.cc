// Gives no sign of life.
#include "bent.h"

FAKE_PLUGIN([] { bent::host.beat = [](serval_model_ref*, uint64_t, uint64_t) {}; })
