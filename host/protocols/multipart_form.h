// multipart/form-data (RFC 7578): the fields of a form, as views into its body.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace serval::host {

struct FormPart {
  std::string name;
  std::string filename;   // of a file
  bool is_file = false;   // it has a filename, even an empty one
  std::string_view data;  // in the body
};

struct FormLimits {
  std::size_t parts = 64;
  std::size_t header_bytes = 4096;  // of one part
  std::size_t name_bytes = 256;
  std::size_t field_bytes = 64u << 10;  // of a part that is no file
};

// The boundary of a Content-Type that says multipart/form-data.
// invalid_argument: it says something else, or its boundary is missing or malformed.
Result<std::string> form_boundary(std::string_view content_type);

// The parts in the order they came; they live as long as the body's bytes. Nothing is decoded.
// invalid_argument: a limit is passed, the form is cut off, or it is malformed; the message says
// which part and what. `param` is the part's name where it is known. Thread-safe.
Result<std::vector<FormPart>> parse_form(std::string_view body, std::string_view boundary,
                                         const FormLimits& limits = {});

}  // namespace serval::host
