// Never looks at the cancel word, and waits for a cancelled reader to come back.
#include <deque>
#include <mutex>

#include "bent.h"

static std::mutex mutex;
static std::deque<serval_request_view> views;
static const uint32_t never = 0;

FAKE_PLUGIN([] {
  bent::host.view = [](const serval_request* request) -> const serval_request_view* {
    const std::lock_guard lock(mutex);
    views.push_back(*bent::real->view(request));
    views.back().cancel_word = &never;
    return &views.back();
  };
  bent::host.emit = [](serval_request* request, const serval_event* event) {
    const serval_status answer = bent::real->emit(request, event);
    return answer == SERVAL_CANCELLED ? SERVAL_RESOURCE_EXHAUSTED : answer;
  };
})
