// Takes what is there of an upload when it first looks for all of it.
#include <map>
#include <mutex>

#include "bent_input.h"

namespace {

serval_status arrived(serval_request* request, uint64_t wanted, const void** data, uint64_t* size) {
  static std::mutex mutex;
  static std::map<uint64_t, uint64_t> found;  // by request
  const std::lock_guard lock(mutex);
  const serval_status status = bent::straight_arrived(request, wanted, data, size);
  if ((status != SERVAL_OK && status != SERVAL_OUT_OF_RANGE) || *size == 0) return status;
  *size = found.try_emplace(bent::real->view(request)->id, *size).first->second;
  return SERVAL_OUT_OF_RANGE;
}

}  // namespace

FAKE_PLUGIN([] { bent::bend_input(bent::straight_read, arrived); })
