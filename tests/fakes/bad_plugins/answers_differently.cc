// Each answer depends on how many came before it.
#include <atomic>

#include "bent.h"

static std::atomic<int> count{0};

FAKE_PLUGIN([] {
  bent::host.emit = [](serval_request* request, const serval_event* event) {
    std::string text(static_cast<const char*>(event->data.data), event->data.len);
    text += std::to_string(++count);
    serval_event changed = *event;
    changed.data.data = text.data();
    changed.data.len = text.size();
    return bent::real->emit(request, &changed);
  };
})
