// Finishes each request a second time.
#include "bent.h"

FAKE_PLUGIN([] {
  bent::host.finish = [](serval_request* request, const serval_finish* how) {
    bent::real->finish(request, how);
    bent::real->finish(request, how);
  };
})
