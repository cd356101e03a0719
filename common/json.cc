#include "common/json.h"

#include <boost/json/src.hpp>
#include <string>
#include <unordered_set>

namespace serval {
namespace {

// Boost.JSON keeps the last of two equal keys; a body that says two things is refused instead.
// Walks the text once, so the cost is that of one more scan.
class DuplicateKeys {
 public:
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);
  using error_code = boost::system::error_code;

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) {
    objects_.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t, error_code&) {
    objects_.pop_back();
    return true;
  }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(std::size_t, error_code&) { return true; }
  bool on_key_part(json::string_view part, std::size_t, error_code&) {
    key_.append(part.data(), part.size());
    return true;
  }
  bool on_key(json::string_view part, std::size_t, error_code& ec) {
    key_.append(part.data(), part.size());
    if (!objects_.back().insert(key_).second) {
      ec = boost::system::errc::make_error_code(boost::system::errc::file_exists);
      return false;
    }
    key_.clear();
    return true;
  }
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

  const std::string& key() const { return key_; }

 private:
  std::vector<std::unordered_set<std::string>> objects_;
  std::string key_;
};

}  // namespace

Result<json::value> parse_json(std::string_view text, int max_depth) {
  json::parse_options options;
  options.max_depth = std::size_t(max_depth);

  json::basic_parser<DuplicateKeys> keys{options};
  boost::system::error_code ec;
  const std::size_t used = keys.write_some(false, text.data(), text.size(), ec);
  if (ec == boost::system::errc::file_exists)
    return invalid("JSON has the key \"" + keys.handler().key() + "\" twice in one object");
  if (!ec && used < text.size()) {
    return invalid("JSON has something behind its value, at byte " + std::to_string(used));
  }
  if (ec) return invalid("JSON error at byte " + std::to_string(used) + ": " + ec.message());

  json::value value = json::parse(text, ec, {}, options);
  if (ec) return invalid("JSON error: " + ec.message());
  return value;
}

Result<json::object> parse_json_object(std::string_view text, const char* otherwise) {
  Result<json::value> value = parse_json(text);
  if (!value) return value.error();
  if (!value->is_object()) return invalid(otherwise);
  return std::move(value->get_object());
}

}  // namespace serval
