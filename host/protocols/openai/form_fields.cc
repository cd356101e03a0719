#include "host/protocols/openai/form_fields.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "common/utf8.h"

namespace serval::host {
namespace {

json::value scalar(std::string_view text) {
  if (text == "true" || text == "True") return true;
  if (text == "false" || text == "False") return false;
  const char* const end = text.data() + text.size();
  int64_t integer = 0;
  if (const auto [stop, ec] = std::from_chars(text.data(), end, integer);
      ec == std::errc() && stop == end)
    return integer;
  double number = 0;
  if (const auto [stop, ec] = std::from_chars(text.data(), end, number);
      ec == std::errc() && stop == end && std::isfinite(number))
    return number;
  return json::string(text);
}

}  // namespace

Result<json::object> form_fields(std::span<const FormPart> parts,
                                 std::span<const std::string_view> texts) {
  json::object fields;
  for (const FormPart& part : parts) {
    const std::string_view name = part.name;
    if (!is_valid_utf8(part.data)) return invalid(part.name + " is not UTF-8", part.name);
    const std::size_t open = name.find('[');
    const bool nested = open != std::string_view::npos && open > 0 && name.back() == ']';
    const std::string_view key = nested ? name.substr(0, open) : name;
    const bool text = std::find(texts.begin(), texts.end(), key) != texts.end();
    json::value value = text ? json::value(json::string(part.data)) : scalar(part.data);
    const auto [place, fresh] = fields.emplace(key, nullptr);
    json::value& field = place->value();
    const Error shapes = invalid(std::string(key) + " is given twice", std::string(key));
    if (!nested) {
      if (!fresh) return shapes;
      field = std::move(value);
      continue;
    }
    const std::string_view member = name.substr(open + 1, name.size() - open - 2);
    if (member.empty()) {
      if (fresh) field.emplace_array();
      if (!field.is_array()) return shapes;
      field.get_array().push_back(std::move(value));
    } else {
      if (fresh) field.emplace_object();
      if (!field.is_object() || !field.get_object().emplace(member, std::move(value)).second)
        return shapes;
    }
  }
  return fields;
}

}  // namespace serval::host
