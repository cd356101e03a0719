// The chunked transfer coding (RFC 9112, section 7.1), both ways.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "host/net/http_head.h"

namespace serval::host {

// Takes a chunked body in pieces of any size. Chunk extensions and trailers are checked and
// dropped: a trailer must not change what the head said.
class ChunkedDecoder {
 public:
  // body_bytes: most bytes of the decoded body; trailer_bytes: of all trailers together.
  ChunkedDecoder(std::size_t body_bytes, std::size_t trailer_bytes)
      : body_limit_(body_bytes), trailer_limit_(trailer_bytes) {}

  // Takes bytes from the front of `input` and appends the body to `body`. After a fault or done()
  // it takes nothing more. Refused: 400 malformed, 413 above the limit.
  HttpFault feed(std::string_view& input, std::string& body);

  bool done() const { return state_ == State::done; }

 private:
  enum class State { size, extension, size_lf, data, data_cr, data_lf, trailer, trailer_lf, done };

  HttpFault take_size(char c);
  HttpFault take_trailer(char c);

  const std::size_t body_limit_, trailer_limit_;
  State state_ = State::size;
  uint64_t left_ = 0;         // bytes of this chunk still to come
  int digits_ = 0;            // of the size so far
  std::size_t line_ = 0;      // bytes of the trailer line or extension so far
  std::size_t overhead_ = 0;  // bytes of trailers so far
  std::size_t decoded_ = 0;
};

// Writing: begin_chunk, append the data to `out`, end_chunk. A chunk without data vanishes, since
// an empty one would end the body.
std::size_t begin_chunk(std::string& out);
void end_chunk(std::string& out, std::size_t begin);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace serval::host
