// The other end of a request.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "common/result.h"

namespace serval::whisper {

enum class EventKind : uint8_t { text, json };

// What reading input 0 brought.
enum class Input : uint8_t {
  some,  // bytes
  none,  // nothing is there; Engine::readable says when there is
  end,   // complete, and all of it has been read or is there
  gone,  // the request is cancelled
};

// Called on the engine's thread only; destroyed after done, fail or finish_cancelled.
class Client {
 public:
  virtual ~Client() = default;
  // True when nobody waits for the output any more.
  virtual bool cancelled() const = 0;
  // One event of output 0; last: the output is complete with it. Kept by the client while its
  // reader is slow. meta_json may be empty.
  virtual void emit(EventKind kind, std::string_view data, std::string_view meta_json,
                    bool last) = 0;
  // True while something is kept: produce nothing more.
  virtual bool blocked() const = 0;
  // Tries again to pass on what is kept.
  virtual void flush() = 0;
  // Moves up to to.size() bytes of input 0, which is still arriving, and says how many; never
  // blocks.
  virtual Input read_input(std::span<char> to, std::size_t& n) = 0;
  // What there is of input 0, a file that may still be arriving; the bytes stay until the end.
  // some: more may come; if there are fewer than wanted, Engine::readable says when that has
  // changed.
  virtual Input arrived(std::size_t wanted, std::string_view& bytes) = 0;
  // The end; exactly one of these. Nothing is kept when done is called.
  virtual void done(std::string_view usage_json) = 0;
  virtual void fail(const Error& error) = 0;
  virtual void finish_cancelled(std::string_view usage_json) = 0;
};

}  // namespace serval::whisper
