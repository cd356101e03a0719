// Has a last word after finish.
#include "bent.h"

FAKE_PLUGIN([] {
  bent::host.finish = [](serval_request* request, const serval_finish* how) {
    bent::real->finish(request, how);
    const serval_event event{sizeof(event), SERVAL_EVENT_TEXT, 0, 0, {"more", 4, 0, 0}, {}};
    bent::real->emit(request, &event);
  };
})
