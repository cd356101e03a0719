#include "host/queue/event_check.h"

#include <boost/json/basic_parser_impl.hpp>

#include "common/json.h"
#include "common/utf8.h"

namespace serval::host {
namespace {

// Validation only: keeps nothing, so it allocates only for very deep values.
struct Ignore {
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);
  using error_code = boost::system::error_code;

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) { return true; }
  bool on_object_end(std::size_t, error_code&) { return true; }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(std::size_t, error_code&) { return true; }
  bool on_key_part(json::string_view, std::size_t, error_code&) { return true; }
  bool on_key(json::string_view, std::size_t, error_code&) { return true; }
  bool on_string_part(json::string_view, std::size_t, error_code&) { return true; }
  bool on_string(json::string_view, std::size_t, error_code&) { return true; }
  bool on_number_part(json::string_view, error_code&) { return true; }
  bool on_int64(int64_t, json::string_view, error_code&) { return true; }
  bool on_uint64(uint64_t, json::string_view, error_code&) { return true; }
  bool on_double(double, json::string_view, error_code&) { return true; }
  bool on_bool(bool, error_code&) { return true; }
  bool on_null(error_code&) { return true; }
  bool on_comment_part(json::string_view, error_code&) { return true; }
  bool on_comment(json::string_view, error_code&) { return true; }
};

bool is_json(std::string_view text) {
  json::parse_options options;
  options.max_depth = 64;
  json::basic_parser<Ignore> parser(options);
  boost::system::error_code ec;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), ec);
  return !ec && parser.done() && read == text.size();
}

std::string_view check_payload(const serval_event& event, std::string_view data) {
  switch (event.kind) {
    case SERVAL_EVENT_TEXT:
      return is_valid_utf8(data) ? "" : "event_utf8";
    case SERVAL_EVENT_TOKENS:
      return data.size() % 4 == 0 ? "" : "event_data";
    case SERVAL_EVENT_JSON:
      return is_json(data) ? "" : "event_json";
    case SERVAL_EVENT_PROGRESS:
      return data.empty() ? "" : "event_data";
    case SERVAL_EVENT_AUDIO:
    case SERVAL_EVENT_TENSOR:
      return "";
  }
  return "event_kind";
}

}  // namespace

bool is_json_object(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{' && is_json(text);
}

std::string_view check_event(const serval_event& event, const StreamLimits& limits) {
  if (!SERVAL_HAS(&event, meta_json)) return "event_size";
  if (event.index >= limits.max_index) return "event_index";
  if ((event.flags & ~SERVAL_EVENT_FLAG_LAST) != 0) return "event_flags";
  if (event.data.mem != SERVAL_MEM_HOST) return "event_memory";
  if (event.data.data == nullptr && event.data.len != 0) return "event_data";
  if (event.meta_json.p == nullptr && event.meta_json.n != 0) return "event_meta";
  if (event.data.len > limits.max_event_bytes || event.meta_json.n > limits.max_event_bytes)
    return "event_size";
  const std::string_view data{static_cast<const char*>(event.data.data), event.data.len};
  if (const std::string_view rule = check_payload(event, data); !rule.empty()) return rule;
  if (event.meta_json.n != 0 && !is_json_object({event.meta_json.p, event.meta_json.n}))
    return "event_meta";
  return "";
}

}  // namespace serval::host
