// Waits for more when its input has ended.
#include "bent_input.h"

namespace {

serval_status without_end(serval_status status) {
  return status == SERVAL_OUT_OF_RANGE ? serval_status(SERVAL_OK) : status;
}

serval_status read(serval_request* request, void* to, uint64_t capacity, uint64_t* n) {
  return without_end(bent::straight_read(request, to, capacity, n));
}

serval_status arrived(serval_request* request, uint64_t wanted, const void** data, uint64_t* size) {
  return without_end(bent::straight_arrived(request, wanted, data, size));
}

}  // namespace

FAKE_PLUGIN([] { bent::bend_input(read, arrived); })
