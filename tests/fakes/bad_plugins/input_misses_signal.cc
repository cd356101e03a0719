// Is deaf to SERVAL_SIGNAL_READABLE: sleeps on when its input has come.
#include <serval/ext/draft/input_stream.h>

#include "bent.h"

FAKE_PLUGIN([] {
  bent::plugin.model_signal = [](void* model, uint32_t kind, uint64_t id) {
    if (kind != SERVAL_SIGNAL_READABLE) bent::good.model_signal(model, kind, id);
  };
})
