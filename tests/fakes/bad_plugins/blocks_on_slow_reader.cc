// Waits inside emit until the reader has room: one slow reader stops all.
#include <unistd.h>

#include "bent.h"

FAKE_PLUGIN([] {
  bent::host.emit = [](serval_request* request, const serval_event* event) {
    while (true) {
      const serval_status answer = bent::real->emit(request, event);
      if (answer != SERVAL_RESOURCE_EXHAUSTED) return answer;
      usleep(1000);
    }
  };
})
