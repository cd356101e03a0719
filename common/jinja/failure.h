// How parsing and rendering stop early inside this library. Thrown and caught within it:
// Template::parse and Template::render turn it into an Error.
#pragma once

#include <string>
#include <utility>

#include "common/result.h"

namespace serval::jinja {

struct Failure {
  Code code = Code::invalid_argument;
  std::string message;
  int line = 0;  // 0: the message stands alone
};

[[noreturn]] inline void fail_at(int line, std::string message) {
  throw Failure{Code::invalid_argument, std::move(message), line};
}

inline Error to_error(const Failure& failure) {
  if (failure.line == 0) return error(failure.code, failure.message);
  return error(failure.code,
               "chat template, line " + std::to_string(failure.line) + ": " + failure.message);
}

}  // namespace serval::jinja
