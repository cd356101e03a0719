// Ends cancelled requests as if all had gone well.
#include "bent.h"

FAKE_PLUGIN([] {
  bent::host.finish = [](serval_request* request, const serval_finish* how) {
    serval_finish changed = *how;
    if (how->code == SERVAL_CANCELLED) changed.code = SERVAL_OK;
    bent::real->finish(request, &changed);
  };
})
