// Valid requests, for the ops the kit knows (docs/requests.md) and those it is told of.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "serval/sdk/json.hpp"
#include "stream.h"

namespace serval::check {

enum class Size {
  tiny,  // a few events
  text,  // some dozen, with characters of several bytes
  lots,  // runs for a while
};

class Requests {
 public:
  // Reads --request files. Errors name the file and what is wrong in it.
  static sdk::Result<Requests> make(const std::vector<std::string>& files);

  // True if the kit can make requests for op.
  bool knows(std::string_view op) const;

  // Variants differ in their inputs. A request from a file is the same for all sizes and variants.
  // REQUIRES: knows(op)
  Spec make(std::string_view op, Size size, int variant = 0) const;

 private:
  std::map<std::string, Spec, std::less<>> given_;
};

// value as JSON text.
std::string to_text(const sdk::Json& value);

}  // namespace serval::check
