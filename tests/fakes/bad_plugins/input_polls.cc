// Asks for more input again and again instead of waiting for the signal.
#include "bent_input.h"

FAKE_PLUGIN([] {
  bent::bend_input([](serval_request* request, void* to, uint64_t capacity, uint64_t* n) {
    for (int i = 0; i < 99 && bent::real_input()->read(request, to, 0, n) == SERVAL_OK; ++i) {
    }
    return bent::real_input()->read(request, to, capacity, n);
  });
  bent::host.pull = [](serval_model_ref* model, const serval_budget* budget, serval_request** out,
                       uint32_t capacity) {
    serval_budget impatient = *budget;
    impatient.wait_ns = std::min<uint64_t>(budget->wait_ns, 1'000'000);
    return bent::real->pull(model, &impatient, out, capacity);
  };
})
