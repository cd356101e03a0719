// Input 0 of a request while it arrives (draft extension serval.input_stream/1).
#pragma once

#include <serval/ext/draft/input_stream.h>
#include <span>

#include "serval/sdk/request.hpp"

namespace serval::sdk {

enum class Input {
  some,       // `n` bytes were read
  none,       // nothing is there; Engine::readable(id) says when to read again
  end,        // complete, and all of it has been read
  cancelled,  // finish the request now (finish_cancelled)
  whole,      // it is of another kind, or not arriving: then all of it is request.input(0)
};

// One for a model, made in Plugin::open. Threads: as the request that is read.
class InputStream {
 public:
  explicit InputStream(Host host)
      : table_(host.extension<serval_ext_input_stream>(SERVAL_EXT_INPUT_STREAM)) {}

  // Whether the host has it. Without it every input is whole.
  bool available() const { return table_ != nullptr; }

  // Up to to.size() bytes; never blocks.
  Input read(Request& request, std::span<char> to, std::size_t& n) const {
    n = 0;
    if (table_ == nullptr) return Input::whole;
    uint64_t moved = 0;
    switch (request.read_input(*table_, to.data(), to.size(), moved)) {
      case SERVAL_OK:
        n = std::size_t(moved);
        return n > 0 ? Input::some : Input::none;
      case SERVAL_OUT_OF_RANGE:
        return Input::end;
      case SERVAL_FAILED_PRECONDITION:
        return Input::whole;
      default:
        return Input::cancelled;
    }
  }

  // What has come of an upload; the bytes stay until finish. some: more may come, and if there are
  // fewer than `wanted`, Engine::readable(id) says when there are so many, or all; end: these are
  // all. Never blocks.
  Input arrived(Request& request, std::size_t wanted, std::string_view& bytes) const {
    bytes = {};
    if (table_ == nullptr || table_->size < sizeof(serval_ext_input_stream)) return Input::whole;
    const serval_status status = request.arrived_input(*table_, wanted, bytes);
    if (status == SERVAL_OK) return Input::some;
    if (status == SERVAL_OUT_OF_RANGE) return Input::end;
    return status == SERVAL_FAILED_PRECONDITION ? Input::whole : Input::cancelled;
  }

 private:
  const serval_ext_input_stream* table_;
};

}  // namespace serval::sdk
