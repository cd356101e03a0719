// Takes the first piece of a stream for all of it.
#include <map>
#include <mutex>

#include "bent_input.h"

namespace {

serval_status read(serval_request* request, void* to, uint64_t capacity, uint64_t* n) {
  static std::mutex mutex;
  static std::map<uint64_t, bool> begun;
  const std::lock_guard lock(mutex);
  bool& first_taken = begun[bent::real->view(request)->id];
  if (first_taken) return *n = 0, SERVAL_OUT_OF_RANGE;
  const serval_status status = bent::straight_read(request, to, capacity, n);
  first_taken = *n > 0;
  return status;
}

}  // namespace

FAKE_PLUGIN([] { bent::bend_input(read, bent::straight_arrived); })
