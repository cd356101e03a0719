// Cuts each text in the middle, also in the middle of a character.
#include "bent.h"

FAKE_PLUGIN([] {
  bent::host.emit = [](serval_request* request, const serval_event* event) {
    const uint64_t half = event->data.len / 2;
    if (half == 0) return bent::real->emit(request, event);
    serval_event part = *event;
    part.data.len = half;
    part.flags = 0;
    const serval_status answer = bent::real->emit(request, &part);
    if (answer != SERVAL_OK) return answer;
    part.data.data = static_cast<const char*>(event->data.data) + half;
    part.data.len = event->data.len - half;
    part.flags = event->flags;
    bent::real->emit(request, &part);
    return SERVAL_OK;
  };
})
