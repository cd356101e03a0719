// Never reads its parameters, so wrong ones are taken in silence.
#include <deque>
#include <mutex>

#include "bent.h"

static std::mutex mutex;
static std::deque<serval_request_view> views;

FAKE_PLUGIN([] {
  bent::host.view = [](const serval_request* request) -> const serval_request_view* {
    const std::lock_guard lock(mutex);
    views.push_back(*bent::real->view(request));
    views.back().params_json = {"{}", 2};
    return &views.back();
  };
})
