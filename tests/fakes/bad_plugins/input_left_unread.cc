// Takes the first piece of its input for all of it.
#include <map>
#include <mutex>

#include "bent_input.h"

FAKE_PLUGIN([] {
  bent::bend_input([](serval_request* request, void* to, uint64_t capacity, uint64_t* n) {
    static std::mutex mutex;
    static std::map<uint64_t, bool> begun;
    const std::lock_guard lock(mutex);
    bool& read = begun[bent::real->view(request)->id];
    if (read) return *n = 0, serval_status(SERVAL_OUT_OF_RANGE);
    const serval_status status = bent::real_input()->read(request, to, capacity, n);
    read = *n > 0;
    return status;
  });
})
