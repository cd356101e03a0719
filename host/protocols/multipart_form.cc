#include "host/protocols/multipart_form.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/utf8.h"
#include "host/net/ascii.h"

namespace serval::host {
namespace {

constexpr std::size_t kLongestBoundary = 70;  // RFC 2046, section 5.1.1

// The "; key=value" pairs behind a header field's first word. Values may be quoted.
class FieldParams {
 public:
  explicit FieldParams(std::string_view text) : text_(text) {}

  // False: there are no more, or what follows is malformed.
  bool next(std::string_view& key, std::string& value) {
    text_ = trim(text_);
    if (text_.empty() || text_.front() != ';') return false;
    text_ = trim(text_.substr(1));
    const std::size_t equals = text_.find_first_of("=;");
    if (equals == std::string_view::npos || text_[equals] == ';') return false;
    key = trim(text_.substr(0, equals));
    text_ = trim(text_.substr(equals + 1));
    value.clear();
    if (!text_.empty() && text_.front() == '"') return quoted(value);
    const std::size_t end = std::min(text_.find(';'), text_.size());
    value = trim(text_.substr(0, end));
    text_.remove_prefix(end);
    return !value.empty();
  }
  bool complete() const { return text_.empty(); }

 private:
  bool quoted(std::string& value) {
    for (std::size_t i = 1; i < text_.size(); ++i) {
      if (text_[i] == '"') {
        text_.remove_prefix(i + 1);
        return true;
      }
      // Only these two can be escaped: some browsers send paths with single backslashes.
      const bool escapes =
          text_[i] == '\\' && i + 1 < text_.size() && (text_[i + 1] == '"' || text_[i + 1] == '\\');
      value += text_[escapes ? ++i : i];
    }
    return false;
  }

  std::string_view text_;
};

// What stands before the first ';'.
std::string_view first_word(std::string_view field) {
  return trim(field.substr(0, field.find(';')));
}
std::string_view behind_first_word(std::string_view field) {
  const std::size_t end = field.find(';');
  return end == std::string_view::npos ? std::string_view{} : field.substr(end);
}

bool is_boundary_char(char c) {
  return is_alnum(static_cast<unsigned char>(c)) ||
         std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
}

}  // namespace

Result<std::string> form_boundary(std::string_view content_type) {
  if (!iequals(first_word(content_type), "multipart/form-data"))
    return invalid("content-type must be multipart/form-data");
  FieldParams params(behind_first_word(content_type));
  std::string_view key;
  std::string value, boundary;
  while (params.next(key, value))
    if (iequals(key, "boundary")) boundary = value;
  if (!params.complete() || boundary.empty())
    return invalid("content-type multipart/form-data has no boundary");
  bool good = boundary.size() <= kLongestBoundary && boundary.back() != ' ';
  for (const char c : boundary) good = good && is_boundary_char(c);
  if (!good) return invalid("the boundary of content-type is malformed");
  return boundary;
}

FormReader::FormReader(std::string_view boundary, FileSink sink, const FormLimits& limits)
    : delimiter_("\r\n--" + std::string(boundary)), sink_(std::move(sink)), limits_(limits) {}

Status FormReader::feed(std::string_view bytes) {
  pending_ += bytes;
  for (;;) {
    const Result<Step> done = step();
    if (!done) return done.error();
    if (*done == Step::wait) break;
  }
  pending_.erase(0, std::exchange(at_, 0));
  return {};
}

Result<FormReader::Step> FormReader::step() {
  switch (state_) {
    case State::begin:
      return begin();
    case State::boundary:
      return boundary();
    case State::padding:
      return padding();
    case State::header:
      return header_line();
    case State::content:
      return content();
    case State::end:
      return end();
  }
  return Step::wait;
}

Status FormReader::finish() const {
  switch (state_) {
    case State::begin:
      return invalid("the form does not begin with its boundary");
    case State::boundary:
    case State::padding:
      return invalid("the form is cut off behind a boundary");
    case State::header:
      return invalid("the header of " + which() + " is cut off");
    case State::content:
      return invalid(parts_.back().name + " is cut off: no boundary of the form follows it",
                     parts_.back().name);
    case State::end:
      if (!left().empty() && left() != "\r\n")
        return invalid("bytes follow the form's last boundary");
  }
  return {};
}

// Nothing stands before the first boundary, so its CRLF is not there either.
Result<FormReader::Step> FormReader::begin() {
  const std::string_view first = std::string_view(delimiter_).substr(2);
  const std::string_view seen = left().substr(0, first.size());
  if (!first.starts_with(seen)) return invalid("the form does not begin with its boundary");
  if (seen.size() < first.size()) return Step::wait;
  at_ += first.size();
  state_ = State::boundary;
  return Step::on;
}

// What follows a boundary: "--" at the end of the form, else the end of its line.
Result<FormReader::Step> FormReader::boundary() {
  if (left().size() < 2) return Step::wait;
  const bool last = left().starts_with("--");
  if (last) at_ += 2;
  state_ = last ? State::end : State::padding;
  return Step::on;
}

Result<FormReader::Step> FormReader::padding() {
  at_ += std::min(left().find_first_not_of(" \t"), left().size());
  const std::string_view seen = left().substr(0, 2);
  if (!std::string_view("\r\n").starts_with(seen))
    return invalid("a boundary of the form has more on its line");
  if (seen.size() < 2) return Step::wait;
  if (parts_.size() == limits_.parts)
    return invalid("the form has more than " + std::to_string(limits_.parts) + " parts");
  at_ += 2;
  parts_.emplace_back();
  lines_ = 0;
  named_ = false;
  state_ = State::header;
  return Step::on;
}

Result<FormReader::Step> FormReader::header_line() {
  const std::string_view room = left().substr(0, limits_.header_bytes - lines_);
  const std::size_t end = room.find("\r\n");
  if (end == std::string_view::npos && room.size() < limits_.header_bytes - lines_)
    return Step::wait;
  if (end == std::string_view::npos)
    return invalid("the header of " + which() + " is longer than " +
                   std::to_string(limits_.header_bytes) + " bytes");
  if (end > 0) {
    if (Status status = header(room.substr(0, end)); !status) return status.error();
    at_ += end + 2;
    lines_ += end + 2;
    return Step::on;
  }
  if (!named_) return invalid(which() + " has no Content-Disposition with a name");
  // An empty part's boundary may begin with the CRLF that ends its header.
  skip_ = 2;
  state_ = State::content;
  return Step::on;
}

Status FormReader::header(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == 0 || colon == std::string_view::npos)
    return invalid(which() + " has a header line without a name");
  const std::string_view name = line.substr(0, colon), value = trim(line.substr(colon + 1));
  if (iequals(name, "content-transfer-encoding")) {
    for (const char* plain : {"7bit", "8bit", "binary"})
      if (iequals(value, plain)) return {};
    return invalid(which() + " has a Content-Transfer-Encoding; send its bytes as they are");
  }
  if (!iequals(name, "content-disposition")) return {};
  if (named_) return invalid(which() + " has two Content-Dispositions");
  return disposition(value);
}

Status FormReader::disposition(std::string_view value) {
  FormPart& part = parts_.back();
  if (!iequals(first_word(value), "form-data"))
    return invalid("the Content-Disposition of " + which() + " is not form-data");
  FieldParams params(behind_first_word(value));
  std::string_view key;
  std::string text;
  while (params.next(key, text)) {
    if (iequals(key, "name")) {
      if (named_) return invalid(which() + " has two names");
      named_ = true;
      part.name = text;
    } else if (iequals(key, "filename")) {
      part.is_file = true;
      part.filename = text;
    }
  }
  if (!params.complete()) return invalid("the Content-Disposition of " + which() + " is malformed");
  if (named_ && (part.name.empty() || part.name.size() > limits_.name_bytes))
    return invalid("the name of " + which() + " must have 1 to " +
                   std::to_string(limits_.name_bytes) + " bytes");
  if (!is_valid_utf8(part.name) || !is_valid_utf8(part.filename))
    return invalid("the name of " + which() + " is not UTF-8");
  return {};
}

// The content up to the next boundary, or as far as no boundary can begin in it.
Result<FormReader::Step> FormReader::content() {
  const std::string_view seen = left();
  const void* found = memmem(seen.data(), seen.size(), delimiter_.data(), delimiter_.size());
  const std::size_t end = found != nullptr
                              ? std::size_t(static_cast<const char*>(found) - seen.data())
                              : seen.size() - std::min(seen.size(), delimiter_.size() - 1);
  if (found == nullptr && end <= skip_) return Step::wait;
  if (end > skip_)
    if (Status status = take(seen.substr(skip_, end - skip_)); !status) return status.error();
  skip_ = 0;
  at_ += end;
  if (found == nullptr) return Step::wait;
  at_ += delimiter_.size();
  state_ = State::boundary;
  return Step::on;
}

Status FormReader::take(std::string_view data) {
  FormPart& part = parts_.back();
  part.bytes += data.size();
  if (part.is_file) return sink_(part, data);
  if (part.bytes > limits_.field_bytes)
    return invalid(part.name + " has more than the " + std::to_string(limits_.field_bytes) +
                       " bytes that are allowed",
                   part.name);
  part.data += data;
  return {};
}

Result<FormReader::Step> FormReader::end() const {
  if (!std::string_view("\r\n").starts_with(left()))
    return invalid("bytes follow the form's last boundary");
  return Step::wait;
}

}  // namespace serval::host
