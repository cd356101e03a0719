// Waits for more when its input has ended.
#include "bent_input.h"

FAKE_PLUGIN([] {
  bent::bend_input([](serval_request* request, void* to, uint64_t capacity, uint64_t* n) {
    const serval_status status = bent::real_input()->read(request, to, capacity, n);
    return status == SERVAL_OUT_OF_RANGE ? serval_status(SERVAL_OK) : status;
  });
})
