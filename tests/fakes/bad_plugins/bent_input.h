// For fakes that read streamed input in a bent way.
#pragma once

#include <serval/ext/draft/input_stream.h>

#include "bent.h"

namespace bent {

inline const serval_ext_input_stream* real_input() {
  return static_cast<const serval_ext_input_stream*>(real->get_ext(real, SERVAL_EXT_INPUT_STREAM));
}
inline serval_ext_input_stream input{sizeof(serval_ext_input_stream), 0, nullptr};

inline void bend_input(decltype(input.read) read) {
  input.read = read;
  host.get_ext = [](const serval_host*, const char* id) -> const void* {
    return std::strcmp(id, SERVAL_EXT_INPUT_STREAM) == 0 ? &input : real->get_ext(real, id);
  };
}

}  // namespace bent
