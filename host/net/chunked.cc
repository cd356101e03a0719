#include "host/net/chunked.h"

#include <algorithm>

#include "host/net/ascii.h"

namespace serval::host {
namespace {

constexpr std::size_t kExtensionLimit = 256;  // bytes of one chunk's extensions
constexpr std::size_t kSizeDigits = 8;        // "ffffffff" when writing

HttpFault bad(std::string message) { return {400, std::move(message)}; }

}  // namespace

HttpFault ChunkedDecoder::take_size(char c) {
  const int digit = hex_digit(c);
  if (digit >= 0) {
    if (++digits_ > 15) return bad("chunk size has too many digits");
    left_ = left_ * 16 + unsigned(digit);
    return {};
  }
  if (digits_ == 0) return bad("chunk size is not a hexadecimal number");
  if (c != '\r' && c != ';' && c != ' ' && c != '\t')
    return bad("chunk size is not a hexadecimal number");
  if (left_ > body_limit_ - decoded_)
    return {413, "body is larger than " + std::to_string(body_limit_) + " bytes"};
  line_ = 0;
  state_ = c == '\r' ? State::size_lf : State::extension;
  return {};
}

HttpFault ChunkedDecoder::take_trailer(char c) {
  if (++overhead_ > trailer_limit_) return {431, "trailers are too large"};
  if (c == '\n' || c == '\0') return bad("trailer has a control character");
  if (c == '\r') {
    state_ = State::trailer_lf;
  } else {
    ++line_;
  }
  return {};
}

HttpFault ChunkedDecoder::feed(std::string_view& input, std::string& body) {
  while (!input.empty() && state_ != State::done) {
    if (state_ == State::data) {
      const std::size_t n = std::min<uint64_t>(left_, input.size());
      body.append(input.substr(0, n));
      input.remove_prefix(n);
      decoded_ += n;
      left_ -= n;
      if (left_ == 0) state_ = State::data_cr;
      continue;
    }
    const char c = input.front();
    input.remove_prefix(1);
    HttpFault fault;
    switch (state_) {
      case State::size:
        fault = take_size(c);
        break;
      case State::extension:
        if (c == '\r') {
          state_ = State::size_lf;
        } else if (c == '\n' || c == '\0' || ++line_ > kExtensionLimit) {
          fault = bad("chunk extension is malformed or too long");
        }
        break;
      case State::size_lf:
        if (c != '\n') fault = bad("chunk size line does not end in CR LF");
        line_ = 0;
        state_ = left_ == 0 ? State::trailer : State::data;
        break;
      case State::data_cr:
        if (c != '\r') fault = bad("chunk is longer than its size");
        state_ = State::data_lf;
        break;
      case State::data_lf:
        if (c != '\n') fault = bad("chunk does not end in CR LF");
        digits_ = 0;
        state_ = State::size;
        break;
      case State::trailer:
        fault = take_trailer(c);
        break;
      case State::trailer_lf:
        if (c != '\n') fault = bad("trailer does not end in CR LF");
        state_ = line_ == 0 ? State::done : State::trailer;
        line_ = 0;
        break;
      case State::data:
      case State::done:
        break;
    }
    if (fault) return fault;
  }
  return {};
}

std::size_t begin_chunk(std::string& out) {
  const std::size_t begin = out.size();
  out.append(kSizeDigits, '0').append("\r\n");
  return begin;
}

void end_chunk(std::string& out, std::size_t begin) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::size_t size = out.size() - begin - kSizeDigits - 2;
  if (size == 0) {
    out.resize(begin);
    return;
  }
  for (std::size_t i = begin + kSizeDigits; i-- > begin; size >>= 4) out[i] = kHex[size & 15];
  out.append("\r\n");
}

}  // namespace serval::host
