// multipart/form-data (RFC 7578), read while it arrives: fields are kept, files are passed on.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace serval::host {

struct FormPart {
  std::string name;
  std::string filename;   // of a file
  bool is_file = false;   // it has a filename, even an empty one
  std::string data;       // of a field; nothing is decoded
  std::size_t bytes = 0;  // of its data so far
};

struct FormLimits {
  std::size_t parts = 64;
  std::size_t header_bytes = 4096;  // of one part
  std::size_t name_bytes = 256;
  std::size_t field_bytes = 64u << 10;  // of a part that is no file
};

// The boundary of a Content-Type that says multipart/form-data.
// invalid_argument: it says something else, or its boundary is missing or malformed. Thread-safe.
Result<std::string> form_boundary(std::string_view content_type);

// One thread at a time. What is read is the same however the body is cut.
class FormReader {
 public:
  // Takes the next bytes of a file, its part told as far as it is known. An error ends the reading.
  using FileSink = std::function<Status(const FormPart& part, std::string_view bytes)>;

  FormReader(std::string_view boundary, FileSink sink, const FormLimits& limits = {});

  // The next bytes of the body. Errors: those of the sink; invalid_argument when a limit is passed
  // or the form is malformed: the message says which part and what, and `param` is the part's name
  // where it is known. The reader is of no use behind one.
  Status feed(std::string_view bytes);
  // The body is complete. invalid_argument: the form is not.
  Status finish() const;

  // In the order they came. The last may still be coming, its header too.
  const std::vector<FormPart>& parts() const { return parts_; }

 private:
  enum class State { begin, boundary, padding, header, content, end };
  enum class Step { on, wait };

  Result<Step> step();
  Result<Step> begin();
  Result<Step> boundary();
  Result<Step> padding();
  Result<Step> header_line();
  Result<Step> content();
  Result<Step> end() const;
  Status header(std::string_view line);
  Status disposition(std::string_view value);
  Status take(std::string_view data);
  std::string_view left() const { return std::string_view(pending_).substr(at_); }
  std::string which() const { return "part " + std::to_string(parts_.size()) + " of the form"; }

  const std::string delimiter_;
  const FileSink sink_;
  const FormLimits limits_;
  State state_ = State::begin;
  std::string pending_;    // received and not yet read
  std::size_t at_ = 0;     // in pending_: what has been read of it
  std::size_t lines_ = 0;  // bytes of the header under way
  bool named_ = false;     // ... which has given the part's name
  std::size_t skip_ = 0;   // bytes in front of the content that do not belong to it
  std::vector<FormPart> parts_;
};

}  // namespace serval::host
