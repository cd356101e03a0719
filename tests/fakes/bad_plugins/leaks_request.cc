// Forgets every fifth request.
#include "bent.h"

static int count = 0;

FAKE_PLUGIN([] {
  bent::host.finish = [](serval_request* request, const serval_finish* how) {
    if (++count % 5 != 0) bent::real->finish(request, how);
  };
})
