// For fakes that take arriving input in a bent way.
#pragma once

#include <serval/ext/draft/input_stream.h>

#include "bent.h"

namespace bent {

inline const serval_ext_input_stream* real_input() {
  return static_cast<const serval_ext_input_stream*>(real->get_ext(real, SERVAL_EXT_INPUT_STREAM));
}

inline serval_status straight_read(serval_request* request, void* to, uint64_t capacity,
                                   uint64_t* n) {
  return real_input()->read(request, to, capacity, n);
}
inline serval_status straight_arrived(serval_request* request, uint64_t wanted, const void** data,
                                      uint64_t* size) {
  return real_input()->arrived(request, wanted, data, size);
}
inline serval_ext_input_stream input{sizeof(serval_ext_input_stream), 0, straight_read,
                                     straight_arrived};

inline void bend_input(decltype(input.read) read, decltype(input.arrived) arrived) {
  input.read = read;
  input.arrived = arrived;
  host.get_ext = [](const serval_host*, const char* id) -> const void* {
    return std::strcmp(id, SERVAL_EXT_INPUT_STREAM) == 0 ? &input : real->get_ext(real, id);
  };
}

}  // namespace bent
