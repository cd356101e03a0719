#include "common/formats/hf_json.h"

namespace serval {

Result<json::object> read_json_file(const std::filesystem::path& path, std::size_t most) {
  const Result<MappedFile> file = MappedFile::open(path);
  if (!file) return file.error();
  const auto bytes = file->bytes();
  const auto damaged = [&](const std::string& what) {
    return error(Code::data_loss, path.string() + ": " + what);
  };
  if (bytes.size() > most)
    return damaged("has " + std::to_string(bytes.size()) + " bytes, want at most " +
                   std::to_string(most));
  Result<json::value> parsed =
      parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (!parsed) return damaged(parsed.error().message);
  if (!parsed->is_object()) return damaged("is not a JSON object");
  return std::move(parsed->get_object());
}

const json::value* HfJson::value(std::string_view key) const {
  const json::value* found = object_.if_contains(key);
  return found == nullptr || found->is_null() ? nullptr : found;
}

void HfJson::keep(Code code, const std::string& what) {
  if (status_.ok()) status_ = error(code, path_.string() + ": " + what);
}

void HfJson::wrong(std::string_view key, const char* want) {
  keep(Code::invalid_argument, std::string(key) + " must be " + want);
}

void HfJson::refuse(const std::string& what) {
  keep(Code::unimplemented, what + " is not supported");
}

std::optional<int64_t> HfJson::integer(std::string_view key) {
  const json::value* found = value(key);
  if (found == nullptr) return std::nullopt;
  if (found->is_int64()) return found->get_int64();
  wrong(key, "a whole number");
  return std::nullopt;
}

std::optional<double> HfJson::real(std::string_view key) {
  const json::value* found = value(key);
  if (found == nullptr) return std::nullopt;
  if (found->is_double()) return found->get_double();
  if (found->is_int64()) return double(found->get_int64());
  wrong(key, "a number");
  return std::nullopt;
}

bool HfJson::boolean(std::string_view key, bool absent) {
  const json::value* found = value(key);
  if (found == nullptr) return absent;
  if (found->is_bool()) return found->get_bool();
  wrong(key, "true or false");
  return absent;
}

std::string HfJson::text(std::string_view key, std::string_view absent) {
  const json::value* found = value(key);
  if (found == nullptr) return std::string(absent);
  if (found->is_string()) return std::string(found->get_string());
  wrong(key, "a text");
  return std::string(absent);
}

std::vector<int64_t> HfJson::integers(std::string_view key) {
  const json::value* found = value(key);
  if (found == nullptr) return {};
  if (found->is_int64()) return {found->get_int64()};
  std::vector<int64_t> out;
  if (found->is_array())
    for (const json::value& item : found->get_array())
      if (item.is_int64()) out.push_back(item.get_int64());
  if (!found->is_array() || out.size() != found->get_array().size())
    wrong(key, "a whole number or a list of them");
  return out;
}

}  // namespace serval
