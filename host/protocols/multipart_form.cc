#include "host/protocols/multipart_form.h"

#include <cstring>

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

std::size_t find_bytes(std::string_view text, std::string_view needle, std::size_t from) {
  const void* found = memmem(text.data() + from, text.size() - from, needle.data(), needle.size());
  return found == nullptr ? std::string_view::npos
                          : std::size_t(static_cast<const char*>(found) - text.data());
}

class FormReader {
 public:
  FormReader(std::string_view body, std::string_view boundary, const FormLimits& limits)
      : body_(body), delimiter_("\r\n--" + std::string(boundary)), limits_(limits) {}

  Result<std::vector<FormPart>> read() {
    // Nothing stands before the first boundary, so its CRLF is not there either.
    const std::string_view first = std::string_view(delimiter_).substr(2);
    if (body_.substr(0, first.size()) != first)
      return invalid("the form does not begin with its boundary");
    at_ = first.size();
    std::vector<FormPart> parts;
    for (bool last = false;;) {
      if (Status status = boundary_end(last); !status) return status.error();
      if (last) return parts;
      if (parts.size() == limits_.parts)
        return invalid("the form has more than " + std::to_string(limits_.parts) + " parts");
      number_ = parts.size() + 1;
      FormPart& part = parts.emplace_back();
      if (Status status = headers(part); !status) return status.error();
      if (Status status = content(part); !status) return status.error();
    }
  }

 private:
  std::string which() const { return "part " + std::to_string(number_) + " of the form"; }

  // What follows a boundary: "--" at the end of the form, else the end of its line.
  Status boundary_end(bool& last) {
    last = body_.substr(at_, 2) == "--";
    if (last) {
      const std::string_view rest = body_.substr(at_ + 2);
      if (!rest.empty() && rest != "\r\n") return invalid("bytes follow the form's last boundary");
      return {};
    }
    while (at_ < body_.size() && (body_[at_] == ' ' || body_[at_] == '\t')) ++at_;
    if (body_.substr(at_, 2) != "\r\n")
      return invalid(at_ >= body_.size() ? "the form is cut off behind a boundary"
                                         : "a boundary of the form has more on its line");
    at_ += 2;
    return {};
  }

  Status headers(FormPart& part) {
    const std::string_view window = body_.substr(at_, limits_.header_bytes);
    bool named = false;
    for (std::size_t begin = 0;;) {
      const std::size_t end = window.find("\r\n", begin);
      if (end == std::string_view::npos)
        return invalid("the header of " + which() +
                       (window.size() == limits_.header_bytes
                            ? " is longer than " + std::to_string(limits_.header_bytes) + " bytes"
                            : std::string(" is cut off")));
      const std::string_view line = window.substr(begin, end - begin);
      begin = end + 2;
      if (line.empty()) {
        at_ += begin;
        break;
      }
      if (Status status = header(line, part, named); !status) return status;
    }
    if (!named) return invalid(which() + " has no Content-Disposition with a name");
    return {};
  }

  Status header(std::string_view line, FormPart& part, bool& named) {
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
    if (named) return invalid(which() + " has two Content-Dispositions");
    return disposition(value, part, named);
  }

  Status disposition(std::string_view value, FormPart& part, bool& named) {
    if (!iequals(first_word(value), "form-data"))
      return invalid("the Content-Disposition of " + which() + " is not form-data");
    FieldParams params(behind_first_word(value));
    std::string_view key;
    std::string text;
    while (params.next(key, text)) {
      if (iequals(key, "name")) {
        if (named) return invalid(which() + " has two names");
        named = true;
        part.name = text;
      } else if (iequals(key, "filename")) {
        part.is_file = true;
        part.filename = text;
      }
    }
    if (!params.complete())
      return invalid("the Content-Disposition of " + which() + " is malformed");
    if (named && (part.name.empty() || part.name.size() > limits_.name_bytes))
      return invalid("the name of " + which() + " must have 1 to " +
                     std::to_string(limits_.name_bytes) + " bytes");
    if (!is_valid_utf8(part.name) || !is_valid_utf8(part.filename))
      return invalid("the name of " + which() + " is not UTF-8");
    return {};
  }

  Status content(FormPart& part) {
    // An empty part's boundary may begin with the CRLF that ended its header.
    const std::size_t end = find_bytes(body_, delimiter_, at_ - 2);
    if (end == std::string_view::npos)
      return invalid(part.name + " is cut off: no boundary of the form follows it", part.name);
    part.data = end < at_ ? std::string_view{} : body_.substr(at_, end - at_);
    at_ = end + delimiter_.size();
    if (!part.is_file && part.data.size() > limits_.field_bytes)
      return invalid(part.name + " has " + std::to_string(part.data.size()) + " bytes; at most " +
                         std::to_string(limits_.field_bytes) + " are allowed",
                     part.name);
    return {};
  }

  const std::string_view body_;
  const std::string delimiter_;
  const FormLimits& limits_;
  std::size_t at_ = 0;      // behind what has been read
  std::size_t number_ = 0;  // of the part under way, from 1
};

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

Result<std::vector<FormPart>> parse_form(std::string_view body, std::string_view boundary,
                                         const FormLimits& limits) {
  return FormReader(body, boundary, limits).read();
}

}  // namespace serval::host
