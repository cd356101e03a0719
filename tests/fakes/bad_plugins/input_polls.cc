// Asks for more input again and again instead of waiting for the signal.
#include "bent_input.h"

namespace {

constexpr int kTimes = 99;

serval_status read(serval_request* request, void* to, uint64_t capacity, uint64_t* n) {
  for (int i = 0; i < kTimes && bent::straight_read(request, to, 0, n) == SERVAL_OK; ++i) {
  }
  return bent::straight_read(request, to, capacity, n);
}

serval_status arrived(serval_request* request, uint64_t wanted, const void** data, uint64_t* size) {
  for (int i = 0; i < kTimes; ++i) bent::straight_arrived(request, wanted, data, size);
  return bent::straight_arrived(request, wanted, data, size);
}

int32_t pull(serval_model_ref* model, const serval_budget* budget, serval_request** out,
             uint32_t capacity) {
  serval_budget impatient = *budget;
  impatient.wait_ns = std::min<uint64_t>(budget->wait_ns, 1'000'000);
  return bent::real->pull(model, &impatient, out, capacity);
}

}  // namespace

FAKE_PLUGIN([] {
  bent::bend_input(read, arrived);
  bent::host.pull = pull;
})
